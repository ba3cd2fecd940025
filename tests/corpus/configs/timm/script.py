import timm

model = timm.create_model('resnet50', pretrained=False, act_layer='relu', num_classes=10)
other = timm.create_model("vit_base_patch16_224", act_layer="sofplus")
parser.add_argument('--act-layer', default='relu', help="activation layer")
