import Fisher
import FisherStudies
import FisherTasks

extension Problem {
    /// A convolutional classifier of 6,090 parameters on half of the bundled digits; the other half is held out, so that a
    /// difference of half a percent of accuracy is four images.
    static func imageClassifier(_ form: ClaimForm) -> Problem {
        let steps = form == .short ? "200" : "1000"
        return Problem(
            "digits-cnn", task: "digits", preset: "cnn",
            ["data.test_share": "0.5", "data.batch": "64", "training.steps": steps, "training.threads": "1"])
    }

    /// The same images with a perceptron of 2,410 parameters, whose runs take a quarter of a second.
    static func smallClassifier(_ form: ClaimForm) -> Problem {
        let steps = form == .short ? "200" : "1000"
        return Problem(
            "digits-perceptron", task: "digits", preset: "perceptron",
            ["data.test_share": "0.5", "data.batch": "64", "training.steps": steps, "training.threads": "1"])
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
    /// Adam without clipping.
    static let adam = Arm("adam", rates: [0.01, 0.03, 0.1], label: "Adam")
    /// AdamW with the norm of its gradient clipped.
    static let clippedAdamW = Arm(
        "adamw:clip_gradient_norm=1", rates: [0.01, 0.03, 0.1], label: "AdamW, clipped")
    /// SGD with momentum.
    static let sgd = Arm("sgd:momentum=0.9", rates: [0.03, 0.1, 0.3], label: "SGD with momentum")
    /// FAdam.
    static let fadam = Arm("fadam", rates: [0.01, 0.03, 0.1], label: "FAdam")
}

extension ClaimContext {
    /// The share of held-out images that a classifier's runs misjudge, in percent, by seed.
    static func errors(_ arm: TunedArm) -> [UInt64: Double] { arm.measure("accuracy").mapValues { 100 - $0 } }

    /// The contrast of two classifiers' errors, lower ones better.
    func errorContrast(
        _ arm: TunedArm, to reference: TunedArm, decidedBy decision: ClaimDecision = .better(margin: 0.5)
    ) -> ClaimContrast {
        contrast(
            arm, to: reference, quantity: "held-out images misjudged, %", Self.errors, decidedBy: decision,
            of: 2)
    }

    /// The contrast of their losses, for readers: no claim rests on it.
    func lossContrast(_ arm: TunedArm, to reference: TunedArm) -> ClaimContrast {
        contrast(
            arm, to: reference, quantity: "held-out loss, nats/image", decidedBy: .better(margin: 0.01), of: 2
        )
    }
}

/// The tuned arms of a claim as a table and a chart.
struct ArmOverview {
    let arms: [TunedArm]

    /// Rates, losses and errors.
    var table: TaskExhibit {
        let text = NumberText.plain
        return .table(
            ExhibitTable(
                title: "Optimizers at their best rates",
                caption: "Means over seeds with the standard deviation; the rate was chosen on other data.",
                columns: ["optimizer", "rate", "inside its grid", "held-out loss", "misjudged, %", "runs"],
                rows: arms.map { arm in
                    func spread(_ values: [UInt64: Double], _ decimals: Int) -> String {
                        SampleSummary(Array(values.values)).map { text.spread($0, decimals: decimals) } ?? "-"
                    }
                    return [
                        arm.label, NumberText.short(arm.rate), arm.isInterior ? "yes" : "no",
                        spread(arm.losses, 4), spread(ClaimContext.errors(arm), 2), "\(arm.runs.count)",
                    ]
                }))
    }

    /// The losses of tuning by rate.
    var figure: ClaimFigure {
        ClaimFigure(
            title: "Loss by learning rate, on the images held out for tuning",
            caption: "Rates that diverged are left out.",
            horizontal: .init("learning rate", isLogarithmic: true),
            vertical: .init("loss, nats/image", isLogarithmic: true),
            series: arms.map { arm in
                .init(arm.label, arm.trials.filter { $0.loss.isFinite }.map { .init($0.rate, $0.loss) })
            })
    }
}
