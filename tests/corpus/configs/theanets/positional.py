net = theanets.Regressor([10, (20, 'rect:maxx'), 3])
same = actspec.parse_layers([(10, 'tanh'), (3, 'sofmax')])
self.layers = [4, (8, "lgrelu"), [16, "prelu("]]
