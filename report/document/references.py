"""The bibliography; templates cite an entry by its key."""

from report.document.page import Reference

_WORKS = {
    "eckart": "Eckart, C. and Young, G. (1936). The approximation of one matrix by another of lower rank. Psychometrika 1.",
    "golub": "Golub, G. H. and Van Loan, C. F. (2013). Matrix Computations, 4th edition. Johns Hopkins University Press.",
    "pearson": "Pearson, K. (1901). On lines and planes of closest fit to systems of points in space. Philosophical Magazine 2.",
    "robbins": "Robbins, H. and Monro, S. (1951). A stochastic approximation method. Annals of Mathematical Statistics 22.",
    "bottou": "Bottou, L., Curtis, F. E. and Nocedal, J. (2018). Optimization methods for large-scale machine learning. SIAM Review 60.",
    "rumelhart": "Rumelhart, D. E., Hinton, G. E. and Williams, R. J. (1986). Learning representations by back-propagating errors. Nature 323.",
    "polyak": "Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. USSR Computational Mathematics and Mathematical Physics 4.",
    "duchi": "Duchi, J., Hazan, E. and Singer, Y. (2011). Adaptive subgradient methods for online learning and stochastic optimization. Journal of Machine Learning Research 12.",
    "rmsprop": "Tieleman, T. and Hinton, G. (2012). Lecture 6.5: RMSProp. Neural Networks for Machine Learning, Coursera.",
    "adam": "Kingma, D. P. and Ba, J. (2014). Adam: a method for stochastic optimization. arXiv 1412.6980.",
    "brier": "Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly Weather Review 78.",
    "bridle": "Bridle, J. S. (1990). Probabilistic interpretation of feedforward classification network outputs. In Neurocomputing, Springer.",
    "leshno": "Leshno, M., Lin, V. Y., Pinkus, A. and Schocken, S. (1993). Multilayer feedforward networks with a nonpolynomial activation function can approximate any function. Neural Networks 6.",
    "lecun": "LeCun, Y., Bottou, L., Orr, G. B. and Müller, K.-R. (1998). Efficient BackProp. In Neural Networks: Tricks of the Trade, Springer.",
    "swish": "Ramachandran, P., Zoph, B. and Le, Q. V. (2017). Searching for activation functions. arXiv 1710.05941.",
    "gelu": "Hendrycks, D. and Gimpel, K. (2016). Gaussian error linear units (GELUs). arXiv 1606.08415.",
    "yu": "Yu, C. and Su, Z. (2019). Symmetrical Gaussian error linear units (SGELUs). arXiv 1911.03925.",
    "chellapilla": "Chellapilla, K., Puri, S. and Simard, P. (2006). High performance convolutional neural networks for document processing. Workshop on Frontiers in Handwriting Recognition.",
    "winograd": "Winograd, S. (1980). Arithmetic complexity of computations. SIAM.",
    "lavin": "Lavin, A. and Gray, S. (2016). Fast algorithms for convolutional neural networks. CVPR. arXiv 1509.09308.",
    "dumoulin": "Dumoulin, V. and Visin, F. (2016). A guide to convolution arithmetic for deep learning. arXiv 1603.07285.",
    "ioffe": "Ioffe, S. and Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing internal covariate shift. arXiv 1502.03167.",
    "mnist": "LeCun, Y., Cortes, C. and Burges, C. J. C. (1998). The MNIST database of handwritten digits.",
    "student": "Student (1908). The probable error of a mean. Biometrika 6.",
    "agarwal": "Agarwal, R., Schwarzer, M., Castro, P. S., Courville, A. and Bellemare, M. G. (2021). Deep reinforcement learning at the edge of the statistical precipice. NeurIPS 34.",
    "he": "He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers: surpassing human-level performance on ImageNet classification. ICCV.",
    "alpaydin": "Alpaydin, E. and Kaynak, C. (1998). Optical recognition of handwritten digits. UCI Machine Learning Repository; bundled with scikit-learn.",
    "adamw": "Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR. arXiv 1711.05101.",
    "nesterov": "Nesterov, Y. (1983). A method for solving the convex programming problem with convergence rate O(1/k²). Soviet Mathematics Doklady 27.",
    "dropout": "Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple way to prevent neural networks from overfitting. Journal of Machine Learning Research 15.",
    "lisht": "Roy, S. K., Manna, S., Dubey, S. R. and Chaudhuri, B. B. (2019). LiSHT: non-parametric linearly scaled hyperbolic tangent activation function for neural networks. arXiv 1901.05894.",
    "mish": "Misra, D. (2019). Mish: a self regularized non-monotonic activation function. arXiv 1908.08681.",
    "elu": "Clevert, D.-A., Unterthiner, T. and Hochreiter, S. (2015). Fast and accurate deep network learning by exponential linear units (ELUs). arXiv 1511.07289.",
}

REFERENCES = [Reference(key, text) for key, text in _WORKS.items()]
