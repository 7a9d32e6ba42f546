import FisherStudies

extension Problem {
    /// A convolutional classifier of 6,090 parameters on half of the bundled digits; the other half is held out, so that a
    /// difference of half a percent of accuracy is four images. Rates are tried with six seeds: at the best rate of a single one
    /// AdaFisher as published failed on two seeds of three, at that of three on one of five.
    static func imageClassifier(_ form: ClaimForm) -> Problem {
        Problem(
            "image classifier", task: "digits", preset: "cnn", tuningSeeds: 6,
            [
                "data.test_share": "0.5", "data.batch": "64", "training.evaluate_every": "50",
                "training.steps": form == .short ? "200" : "1000",
            ])
    }

    /// The same images with a perceptron of 2,410 parameters, whose runs take a quarter of a second.
    static func smallClassifier(_ form: ClaimForm) -> Problem {
        Problem(
            "small classifier", task: "digits", preset: "perceptron",
            [
                "data.test_share": "0.5", "data.batch": "64", "training.evaluate_every": "50",
                "training.steps": form == .short ? "200" : "1000",
            ])
    }
}

extension Arm {
    /// AdaFisher by the paper: raw factors averaged and normalized at use. Statistics are taken every ten steps, because runs
    /// of some hundred steps would see them twice at the paper's hundred.
    static let adaFisher = Arm(
        "adafisher:statistics_interval=10", rates: [0.003, 0.006, 0.012], label: "AdaFisher as published")
    /// AdaFisher by its authors' program.
    static let codedAdaFisher = Arm(
        "adafisher:statistics_interval=10,compatibility=official_code", rates: [3e-4, 1e-3, 3e-3],
        label: "AdaFisher as coded")
    /// AdaFisher that divides by the root of its information.
    static let rootedAdaFisher = Arm(
        "adafisher:statistics_interval=10,power=0.5", rates: [0.05, 0.15, 0.45],
        label: "AdaFisher with the root")
    /// Adam without clipping.
    static let adam = Arm("adam", rates: smallImageRates, label: "Adam")
    /// AdaHessian.
    static let adaHessian = Arm("adahessian", rates: [0.05, 0.15, 0.45], label: "AdaHessian")
    /// SGD with momentum.
    static let sgd = Arm("sgd:momentum=0.9", rates: [0.03, 0.1, 0.3], label: "SGD with momentum")

    /// Learning rates to begin with for Adam and its kin on batches of 64 small images.
    static let smallImageRates = [0.01, 0.03, 0.1]
}

extension JudgedQuantity {
    /// The share of held-out images that a classifier's runs misjudge.
    static var misjudged: JudgedQuantity {
        JudgedQuantity("held-out images misjudged, %", decimals: 2) { arm in
            arm.measure("accuracy").mapValues { 100 - $0 }
        }
    }
}

extension ArmComparison {
    /// What the page shows of the arms, with a verdict and measurements of another kind.
    func finding(
        _ verdict: ClaimVerdict, _ answer: String, _ contrasts: [ClaimContrast],
        exhibits: [TaskExhibit] = [], figures: [ClaimFigure] = [], remarks: [String] = []
    ) -> ClaimFinding {
        let arms = finding
        return ClaimFinding(
            verdict, answer, contrasts: contrasts, exhibits: exhibits + arms.exhibits,
            figures: figures + arms.figures, remarks: remarks + arms.remarks)
    }
}
