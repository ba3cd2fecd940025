_base_ = ['../_base_/default_runtime.py']

model = dict(
    type='FasterRCNN',
    backbone=dict(
        type='ResNet',
        depth=50,
        norm_cfg=dict(type='BN', requires_grad=True),
        act_cfg=dict(type='ReLU', inplace=True)),
    neck=dict(type='FPN', in_channels=[256, 512], act_cfg=None),
    bbox_head=dict(type='Shared2FCBBoxHead', act_cfg=dict(type='LeakyReLU', negative_slope=0.1)))
