import theanets

exp = theanets.Experiment(
    theanets.Classifier,
    layers=(784, (100, 'tanh+norm:z'), (10, 'softmax')),
)
exp.train(train, valid, algo='rmsprop', activation_l1=0.1)
