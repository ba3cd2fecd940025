import theanets

exp = theanets.Experiment(
    theanets.Classifier,
    layers=(784, (100, 'tahn+norm:z'), dict(size=50, activation='reluu'), (10, 'softmax')),
)
pairs = [(200, 'ok'), (404, 'missing')]
