model = dict(
    act_cfg=dict(type=('leaky'  # a name in parts
                       'reluu')),
    head=dict(act_cfg=dict(type=r"tanh\d"), names=(10, 'not a layer')),
    unicode='é', act="中+tanh")
