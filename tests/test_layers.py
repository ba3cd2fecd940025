"""Contract section 5: every form of a layer list, the defaults, and errors that name the place."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import textwrap

import numpy as np
import pytest

import actspec
from actspec import LayerError, LayerSpec, Pipeline, parse, parse_layers
from actspec.catalog import Elu, Maxout, Tanh
from tests.support.names import shown


def spelled(layers, **options):
    return [(layer.size, str(layer.activation)) for layer in parse_layers(layers, **options)]


def fault(place, layers, **options):
    with pytest.raises(LayerError) as caught:
        parse_layers(layers, **options)
    assert caught.value.place == place
    assert str(caught.value).startswith(f"{place}: ")
    return str(caught.value)


# ---- forms


def test_the_list_of_the_contract():
    layers = parse_layers([784, (100, "tanh+norm:z"), (10, "softmax")])
    assert type(layers) is list
    assert layers == [
        LayerSpec(784, (784,), parse("linear")),
        LayerSpec(100, (100,), parse("tanh+norm:z")),
        LayerSpec(10, (10,), parse("softmax")),
    ]


def test_an_int_is_a_size():
    (layer,) = parse_layers([5])
    assert (layer.size, layer.shape, layer.form, layer.name, dict(layer.options)) == (5, (5,), None, None, {})
    assert layer.activation == parse("linear")


@pytest.mark.parametrize("kind", [tuple, list])
def test_size_activation_and_form_stand_in_any_order(kind):
    for order in [(9, "tanh", "rnn"), ("tanh", 9, "rnn"), ("rnn", "tanh", 9), ("rnn", 9, "tanh"), (9, "rnn", "tanh")]:
        assert parse_layers([kind(order)], forms=["rnn"]) == [LayerSpec(9, (9,), parse("tanh"), "rnn")]


@pytest.mark.parametrize(
    "activation",
    ["elu(0.5)", " elu( alpha = 0.5 ) ", Elu(0.5), parse("elu(0.5)"), Pipeline(Elu(0.5)), np.str_("elu:0.5")],
)
def test_an_activation_is_whatever_parse_takes(activation):
    expected = parse("elu(0.5)")
    layers = parse_layers(
        [3, (4, activation), {"size": 5, "activation": activation}, 6], hidden=activation, output=activation
    )
    assert [layer.activation for layer in layers[1:]] == [expected] * 3
    assert all(type(layer.activation) is Pipeline for layer in layers)


def test_a_class_is_an_activation_too():
    assert spelled([3, (4, Tanh), 5], output=Tanh) == [(3, "linear"), (4, "tanh"), (5, "tanh")]


def test_none_is_linear():
    assert spelled([3, (4, None), {"size": 4, "activation": None}, 5], hidden="tanh", output=None) == [
        (3, "linear"),
        (4, "linear"),
        (4, "linear"),
        (5, "linear"),
    ]


@pytest.mark.parametrize("kind", [tuple, list])
def test_ints_alone_are_a_shape(kind):
    layers = parse_layers([kind((28, 28)), kind((7,)), kind((2, 3, 4))])
    assert [(layer.size, layer.shape) for layer in layers] == [(784, (28, 28)), (7, (7,)), (24, (2, 3, 4))]
    assert [str(layer.activation) for layer in layers] == ["linear", "relu", "linear"]


def test_a_dict_has_size_or_shape_and_keeps_all_else():
    weights = object()
    given = {
        "size": 3,
        "activation": "tanh",
        "form": "rnn",
        "name": "h",
        "sparsity": 0.9,
        "weights": weights,
        "options": 1,
    }
    before = dict(given)
    (layer,) = parse_layers([given], forms=("rnn",))
    assert (layer.size, layer.shape, str(layer.activation), layer.form, layer.name) == (3, (3,), "tanh", "rnn", "h")
    assert dict(layer.options) == {"sparsity": 0.9, "weights": weights, "options": 1}
    assert given == before
    assert parse_layers([{"shape": (2, 3)}, {"shape": [4, 5], "size": 20}])[1].shape == (4, 5)


def test_a_layer_spec_stays_as_it_is():
    layer = LayerSpec(5, activation="tanh", form="gru", name="x", options={"a": 1})
    assert parse_layers([layer, 3, layer], hidden="relu", output="softmax") == [
        layer,
        parse_layers([1, 3, 1])[1],
        layer,
    ]


def test_a_list_from_json_reads_as_from_python():
    text = '[784, [28, 28], [100, "tanh+norm:z"], ["rnn", 20], {"size": 5, "activation": "elu", "l2": 0.1}, [10, null]]'
    from_python = [
        784,
        (28, 28),
        (100, "tanh+norm:z"),
        ("rnn", 20),
        {"size": 5, "activation": "elu", "l2": 0.1},
        (10, None),
    ]
    assert parse_layers(json.loads(text), forms=["rnn"]) == parse_layers(from_python, forms=("rnn",))


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16, lambda n: np.array(n)])
def test_numpy_integers_are_sizes_and_become_ints(kind):
    layers = parse_layers([kind(7), (kind(7), "tanh"), (kind(7), kind(7)), {"size": kind(7)}, {"shape": (kind(7),)}])
    for layer in layers:
        assert type(layer.size) is int
        assert all(type(side) is int for side in layer.shape)
    assert parse_layers(np.array([3, 4, 5])) == parse_layers([3, 4, 5])


@pytest.mark.parametrize("layers", [(3, 4), iter([3, 4]), range(3, 5), (size for size in (3, 4))], ids=shown)
def test_any_iterable_of_layers_will_do(layers):
    assert spelled(layers) == [(3, "linear"), (4, "linear")]


def test_no_layers_are_no_layers():
    assert parse_layers([]) == []


# ---- defaults


def test_the_first_is_linear_the_last_takes_output_the_others_hidden():
    assert spelled([2, 3, 4, 5]) == [(2, "linear"), (3, "relu"), (4, "relu"), (5, "linear")]
    assert spelled([2, 3, 4], hidden="tanh", output="softmax") == [(2, "linear"), (3, "tanh"), (4, "softmax")]
    assert spelled([2, 3], hidden="tanh", output="softmax") == [(2, "linear"), (3, "softmax")]
    assert spelled([2], hidden="tanh", output="softmax") == [(2, "linear")]


def test_a_layer_that_says_otherwise_is_heard():
    layers = [(2, "tanh"), {"size": 3, "activation": "elu"}, (4, "sigmoid")]
    assert spelled(layers, hidden="softplus", output="softmax") == [(2, "tanh"), (3, "elu"), (4, "sigmoid")]


def test_a_form_alone_leaves_the_default():
    layers = parse_layers([2, ("rnn", 3), {"size": 4, "form": "lstm"}, 5], forms=("rnn", "lstm"), hidden="tanh")
    assert [(layer.form, str(layer.activation)) for layer in layers] == [
        (None, "linear"),
        ("rnn", "tanh"),
        ("lstm", "tanh"),
        (None, "linear"),
    ]


def test_hidden_output_and_forms_are_keywords_only():
    with pytest.raises(TypeError):
        parse_layers([1, 2], "tanh")


def test_forms_may_be_any_iterable_and_are_read_once():
    assert parse_layers([2, ("rnn", 3), ("rnn", 3)], forms=(word for word in ["rnn"]))[2].form == "rnn"


# ---- errors and their places

BAD_LAYERS = {
    "a bool": True,
    "a numpy bool": np.bool_(True),
    "a bool in an array": np.array(True),
    "a float": 3.0,
    "a numpy float": np.float64(3),
    "a float in an array": np.array(3.0),
    "a str": "100",
    "a spec": "tanh",
    "bytes": b"3",
    "None": None,
    "zero": 0,
    "a negative size": -4,
    "complex": 3j,
    "a set": {3, "tanh"},
    "an activation": Tanh(),
    "a class": Tanh,
    "a pipeline": parse("tanh"),
    "an array": np.array([3, 4]),
    "an object": object(),
    "an empty tuple": (),
    "an empty list": [],
    "an empty dict": {},
    "no size": ("tanh",),
    "no size but None": (None,),
    "a dict without size": {"activation": "tanh"},
    "a dict with a key that is no string": {"size": 3, 4: 5},
    "size and shape that differ": {"size": 3, "shape": (2, 2)},
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_what_is_no_layer_is_an_error_at_its_place(case):
    message = fault("layers[1]", [3, BAD_LAYERS[case], 5])
    assert isinstance(LayerError("a", "b"), ValueError)
    assert len(message) < 400


@pytest.mark.parametrize(
    ("place", "layer"),
    [
        ("layers[1][0]", (0, "tanh")),
        ("layers[1][1]", ("tanh", -1)),
        ("layers[1][1]", (3, "tahn")),
        ("layers[1][0]", ("tahn", 3)),
        ("layers[1][1]", (3, 4.5)),
        ("layers[1][1]", (3, True)),
        ("layers[1][0]", (True, "tanh")),
        ("layers[1][0]", (np.bool_(True), "tanh")),
        ("layers[1][0]", (np.array(True), "tanh")),
        ("layers[1][0]", (np.array(3.0), "tanh")),
        ("layers[1][1]", (3, b"tanh")),
        ("layers[1][1]", (3, {"activation": "tanh"})),
        ("layers[1][1]", (3, len)),
        ("layers[1][1]", (3, int)),
        ("layers[1][1]", (3, Pipeline)),
        ("layers[1][1]", (3, actspec.Activation)),
        ("layers[1][0]", ((28, 28), "tanh")),
        ("layers[1][1]", (28, 0)),
        ("layers[1][1]", (28, -1, 3)),
        ("layers[1][2]", (3, "tanh", "relu")),
        ("layers[1][2]", (3, "tanh", None)),
        ("layers[1][2]", (None, 3, None)),
        ("layers[1][2]", (3, "tanh", 4)),
        ("layers[1][2]", (3, "rnn", "lstm")),
        ("layers[1][2]", (3, "rnn", "rnn")),
        ("layers[1][2]", (3, "tanh", "gru")),
        ("layers[1][1]", (3, "")),
        ("layers[1]['activation']", {"size": 3, "activation": "tahn"}),
        ("layers[1]['activation']", {"size": 3, "activation": 5}),
        ("layers[1]['form']", {"size": 3, "form": "gru"}),
        ("layers[1]['form']", {"size": 3, "form": 5}),
        ("layers[1]['form']", {"size": 3, "form": ["rnn"]}),
        ("layers[1]['name']", {"size": 3, "name": 5}),
        ("layers[1]['size']", {"size": "3"}),
        ("layers[1]['size']", {"size": 3.0}),
        ("layers[1]['size']", {"size": True}),
        ("layers[1]['size']", {"size": 0}),
        ("layers[1]['size']", {"size": (3, 4)}),
        ("layers[1]['shape']", {"shape": "34"}),
        ("layers[1]['shape']", {"shape": 5}),
        ("layers[1]['shape']", {"shape": ()}),
        ("layers[1]['shape'][1]", {"shape": (3, 0)}),
        ("layers[1]['shape'][0]", {"shape": (3.5, 2)}),
        ("layers[1]['shape'][0]", {"shape": [True, 2]}),
    ],
)
def test_a_fault_inside_a_layer_names_its_place(place, layer):
    fault(place, [3, layer, 5], forms=("rnn", "lstm"))


def test_a_bad_spec_is_shown_with_its_caret():
    message = fault("layers[1][1]", [784, (100, "tanh+nrom:z"), 10])
    assert (
        message
        == textwrap.dedent(
            """\
        layers[1][1]: unknown activation 'nrom:z'
          tanh+nrom:z
               ^^^^^^
        """
        )
        + message[message.index("did you mean") :]
    )
    assert "'norm:z'" in message


def test_the_spec_error_is_the_cause():
    with pytest.raises(LayerError) as caught:
        parse_layers([3, (4, "tahn")])
    assert isinstance(caught.value.__cause__, actspec.SpecError)
    assert caught.value.__cause__.span == (0, 4)
    assert caught.value.__cause__.suggestions == ("tanh",)


def test_an_unknown_form_lists_the_known_ones():
    assert "rnn" in fault("layers[1][1]", [3, (4, "gru", "tanh")], forms=("rnn", "lstm"))
    assert "'rnn' or 'lstm'" in fault("layers[1]['form']", [3, {"size": 4, "form": "gru"}], forms=("rnn", "lstm"))


def test_an_activation_that_lacks_its_parameter_says_which():
    assert "pieces" in fault("layers[1][1]", [3, (4, Maxout)])
    assert "pieces" in fault("layers[1][1]", [3, (4, "maxout")])


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("hidden", {"hidden": "tahn"}),
        ("hidden", {"hidden": 5}),
        ("output", {"output": "tahn"}),
        ("output", {"output": ["tanh"]}),
        ("forms", {"forms": "rnn"}),
        ("forms", {"forms": 5}),
        ("forms", {"forms": None}),
        ("forms[1]", {"forms": ["rnn", 5]}),
    ],
)
def test_a_bad_default_or_form_is_an_error_even_where_it_is_not_needed(place, options):
    for layers in ([3, 4, 5], [3], []):
        fault(place, layers, **options)


@pytest.mark.parametrize("layers", [None, 5, "784", b"784", {"size": 3}, LayerSpec(3), Tanh, object()], ids=shown)
def test_what_is_no_list_of_layers_is_an_error(layers):
    fault("layers", layers)


def test_a_layer_error_pickles():
    with pytest.raises(LayerError) as caught:
        parse_layers([(3, "tahn")])
    error = pickle.loads(pickle.dumps(caught.value))
    assert (str(error), error.place, error.reason) == (str(caught.value), caught.value.place, caught.value.reason)


# ---- LayerSpec


def test_size_and_shape_give_each_other():
    assert (LayerSpec(6).size, LayerSpec(6).shape) == (6, (6,))
    assert LayerSpec(shape=(2, 3)).size == 6
    assert LayerSpec(6, [2, 3]).shape == (2, 3)
    assert type(LayerSpec(np.int32(6)).size) is int


def test_the_activation_is_parsed_and_linear_by_default():
    assert LayerSpec(3).activation == parse(None)
    for activation in ("tanh", Tanh, Tanh(), parse("tanh")):
        assert LayerSpec(3, activation=activation).activation == parse("tanh")
    assert LayerSpec(3, activation=None).activation == parse(None)


def test_equal_layers_have_equal_hashes():
    one = LayerSpec(3, activation="tanh", form="rnn", name="a", options={"l2": 0.1})
    same = LayerSpec(3, (3,), parse("tanh"), "rnn", "a", {"l2": 0.1})
    assert one == same
    assert hash(one) == hash(same)
    for other in (
        LayerSpec(4, activation="tanh", form="rnn", name="a", options={"l2": 0.1}),
        LayerSpec(3, activation="relu", form="rnn", name="a", options={"l2": 0.1}),
        LayerSpec(3, activation="tanh", form="gru", name="a", options={"l2": 0.1}),
        LayerSpec(3, activation="tanh", form="rnn", name="b", options={"l2": 0.1}),
        LayerSpec(3, activation="tanh", form="rnn", name="a", options={"l2": 0.2}),
        LayerSpec(3, activation="tanh", form="rnn", name="a"),
    ):
        assert one != other
    assert LayerSpec(6) != LayerSpec(shape=(2, 3))
    assert one != "rnn"


@pytest.mark.parametrize("field", ["size", "shape", "activation", "form", "name", "options", "new"])
def test_a_layer_is_frozen(field):
    layer = LayerSpec(3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(layer, field, 5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(layer, field)


def test_its_options_are_its_own_and_read_only():
    options = {"l2": 0.1}
    layer = LayerSpec(3, options=options)
    options["l2"] = 5
    assert layer.options == {"l2": 0.1}
    with pytest.raises(TypeError):
        layer.options["l2"] = 5


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_layer_pickles_and_copies(protocol):
    layer = LayerSpec(shape=(2, 3), activation="tanh+norm:z", form="rnn", name="a", options={"l2": [1, 2]})
    for same in (pickle.loads(pickle.dumps(layer, protocol)), copy.copy(layer), copy.deepcopy(layer)):
        assert same == layer
        assert same.activation == parse("tanh+norm:z")
        with pytest.raises(TypeError):
            same.options["new"] = 1


def test_fields_may_be_replaced():
    layer = LayerSpec(3, activation="tanh", name="a", options={"l2": 1})
    changed = dataclasses.replace(layer, activation="relu", name="b")
    assert (changed.size, str(changed.activation), changed.name, dict(changed.options)) == (3, "relu", "b", {"l2": 1})


def test_the_repr_names_every_field():
    text = repr(LayerSpec(6, (2, 3), "tanh", "rnn", "a", {"l2": 1}))
    for part in ("size=6", "shape=(2, 3)", "actspec.parse('tanh')", "form='rnn'", "name='a'", "'l2': 1"):
        assert part in text


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"size": 0},
        {"size": -1},
        {"size": 3.0},
        {"size": True},
        {"size": np.bool_(True)},
        {"size": "3"},
        {"size": None},
        {"size": (3,)},
        {"shape": (0,)},
        {"shape": "ab"},
        {"shape": (True,)},
        {"shape": 3},
        {"size": 3, "shape": (2, 2)},
        {"size": 3, "activation": "tahn"},
        {"size": 3, "activation": 5},
        {"size": 3, "form": 5},
        {"size": 3, "name": b"a"},
        {"size": 3, "options": [1]},
        {"size": 3, "options": None},
    ],
    ids=repr,
)
def test_a_bad_layer_spec_is_a_layer_error(arguments):
    with pytest.raises(LayerError, match="LayerSpec"):
        LayerSpec(**arguments)


def test_a_feature_that_a_slice_names_has_to_be_there():
    with pytest.raises(actspec.LayerError, match=r"layers\[1\]: the size doesn't fit .*names feature 5 of .* 3"):
        actspec.parse_layers([4, (3, "tanh[5]"), 3])
    with pytest.raises(ValueError, match="names feature 5"):
        actspec.parse("glu+tanh[5]").features_out(8)
    assert actspec.parse("tanh[5]").features_out(6) == 6
