_base_ = ['../_base_/default_runtime.py']

model = dict(
    type='FasterRCNN',
    backbone=dict(
        type='ResNet',
        depth=50,
        norm_cfg=dict(type='BN', requires_grad=True),
        act_cfg=dict(type='RelU6x', inplace=True)),
    neck=dict(type='FPN', in_channels=[256, 512], act_cfg=dict(type="LeakyRelUU")))
