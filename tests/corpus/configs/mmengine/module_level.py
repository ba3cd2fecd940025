# Comments stay: act_cfg = dict(type='tahn')
act_cfg = dict(type='Tahn')
conv_cfg = dict(type='Conv2d')
head = {'act_cfg': {'type': 'Sigmoid'}, 'loss': {'type': 'Focal'}, **base}
head.update(act_cfg={"type": 'Sigmoidd'})
