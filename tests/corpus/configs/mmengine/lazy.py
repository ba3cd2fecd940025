from mmengine.config import read_base

with read_base():
    from .base import *


def build(activation="relu", *, output_activation='softmaxx', size=3):
    return Net(activation=activation if size else "tahn", act=f"{activation}", nonlinearity=b"tahn")


class Settings:
    hidden_act: str = "elu(alpha=-)"
    activation = "selu"
