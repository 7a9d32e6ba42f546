import FisherStudies

// The problems and the optimizers that claims about optimizers share, so that their runs are shared too.

extension Problem {
    /// A byte-level GPT on the built-in text: width 64, 2 blocks, 450 steps in the short form; the preset `quick` (width 128,
    /// 4 blocks, 400 steps) in the full one. The rate falls by a cosine. At 300 steps of the small one a seed in five is still
    /// on the plateau before attention looks back, whatever the optimizer, and the spread hides what optimizers do.
    ///
    /// - Parameters:
    ///   - form: how much is run.
    ///   - warmsUp: whether the rate rises over the first tenth of the steps.
    static func language(_ form: ClaimForm, warmsUp: Bool) -> Problem {
        switch form {
        case .short:
            Problem(
                warmsUp ? "language" : "language without warm-up", task: "language", preset: "quick",
                tuningSeeds: 2,
                [
                    "data.corpus": "headers", "model.width": "64", "model.layers": "2", "model.heads": "4",
                    "model.context": "64", "data.validation_bytes": "16384", "training.steps": "450",
                    "training.evaluate_every": "150", "optimizer.warm_up": warmsUp ? "45" : "0",
                ])
        case .full:
            Problem(
                warmsUp ? "language" : "language without warm-up", task: "language", preset: "quick",
                [
                    "data.corpus": "headers", "training.evaluate_every": "40",
                    "optimizer.warm_up": warmsUp ? "40" : "0",
                ])
        }
    }

    /// The deep autoencoder of digits (Bernoulli pixels).
    static func autoencoder(_ form: ClaimForm) -> Problem {
        let steps = form == .short ? 300 : 1000
        return Problem(
            "autoencoder", task: "digits", preset: "autoencoder", tuningSeeds: 3,
            [
                "training.steps": "\(steps)", "training.evaluate_every": "\(steps / 4)",
                "optimizer.warm_up": "\(steps / 10)",
            ])
    }

    /// A convolutional classifier of digits.
    static func classifier(_ form: ClaimForm) -> Problem {
        let steps = form == .short ? 200 : 400
        return Problem(
            "classifier", task: "digits", preset: "cnn", tuningSeeds: 2,
            [
                "training.steps": "\(steps)", "training.evaluate_every": "\(steps / 4)",
                "optimizer.warm_up": "\(steps / 10)",
            ])
    }

    /// A Conformer that transcribes spoken digit strings: width 32, 2 blocks, 900 steps in the short form; the preset `tiny` in
    /// the full one.
    static func speech(_ form: ClaimForm) -> Problem {
        switch form {
        case .short:
            Problem(
                "speech", task: "speech", preset: "tiny", tuningSeeds: 2,
                [
                    "data.batch": "8", "data.bands": "20", "model.width": "32", "model.layers": "2",
                    "training.steps": "900", "training.evaluate_every": "300", "optimizer.warm_up": "90",
                ])
        case .full:
            Problem("speech", task: "speech", preset: "tiny", ["training.evaluate_every": "100"])
        }
    }

    /// A vector-quantized autoencoder of digits.
    ///
    /// - Parameters:
    ///   - form: how much is run.
    ///   - likelihood: the distribution of a pixel.
    ///   - codebook: how the codebook learns, `average` or `gradient`.
    static func vectorQuantized(
        _ form: ClaimForm, _ likelihood: String = "categorical", codebook: String = "average"
    ) -> Problem {
        let (width, steps) = form == .short ? ("16", 200) : ("32", 1000)
        return Problem(
            "vq, \(likelihood)" + (codebook == "gradient" ? ", codebook by gradient" : ""), task: "vq",
            preset: "digits",
            [
                "model.likelihood": likelihood, "model.codebook": codebook,
                "model.restart_after": codebook == "gradient" ? "0" : "20", "model.width": width,
                "training.steps": "\(steps)", "training.evaluate_every": "\(steps / 4)",
                "optimizer.warm_up": "\(steps / 10)",
            ])
    }
}

extension Arm {
    /// Learning rates to begin with on text; grids grow where the best lies at an edge.
    static let textRates = [0.002, 0.004, 0.008]
    /// On images.
    static let imageRates = [0.002, 0.004, 0.008]
    /// On images, for information from the squares of single examples: about as many times the mini-batch's square as a batch
    /// has examples, so that the steps of one rate are shorter.
    static let singleExampleRates = [0.064, 0.128, 0.256]
    /// On speech.
    static let speechRates = [0.003, 0.006, 0.012]

    /// AdamW with the norm of its gradient clipped at 1: the baseline. `beta2` and the decay are those of the paper's
    /// experiments.
    static func adamW(_ rates: [Double], with options: String = "") -> Arm {
        Arm(
            "adamw:clip_gradient_norm=1," + shared(options), rates: rates,
            label: "AdamW, clipped" + suffix(options))
    }

    /// AdamW without clipping.
    static func plainAdamW(_ rates: [Double], with options: String = "") -> Arm {
        Arm("adamw:" + shared(options), rates: rates, label: "AdamW, not clipped" + suffix(options))
    }

    /// FAdam as published, by Algorithm 1, with the options of the paper's experiments and others.
    static func fadam(_ rates: [Double], with options: String = "") -> Arm {
        Arm("fadam:" + shared(options), rates: rates, label: "FAdam" + suffix(options))
    }

    /// FAdafactor, by Algorithm 2.
    static func fadafactor(_ rates: [Double], with options: String = "") -> Arm {
        Arm("fadafactor:" + shared(options), rates: rates, label: "FAdafactor" + suffix(options))
    }

    /// The same arm by another name for readers.
    func named(_ label: String) -> Arm { Arm(optimizer, rates: rates, label: label) }

    private static func shared(_ options: String) -> String {
        let own = Set(options.split(separator: ",").compactMap { $0.split(separator: "=").first })
        let common = [("beta2", "0.99"), ("weight_decay", "0.001")].filter { !own.contains(Substring($0.0)) }
        return (common.map { "\($0)=\($1)" } + (options.isEmpty ? [] : [options])).joined(separator: ",")
    }

    private static func suffix(_ options: String) -> String {
        guard !options.isEmpty else { return "" }
        let words = options.split(separator: ",").map {
            $0.replacing("_", with: " ").replacing("=", with: " ")
        }
        return ", " + words.joined(separator: ", ")
    }
}

extension ClaimContext {
    /// The language problem in this form.
    func language(warmsUp: Bool = true) -> Problem { .language(form, warmsUp: warmsUp) }
}

/// The margins of the claims about optimizers, each with its reason.
enum OptimizerMargin {
    /// Nats a byte, 1 % of the loss: the differences that the paper reports on text are 0.03 to 0.12, and a step of the rates'
    /// ladder beside the best costs 0.01 to 0.2.
    static let text = 0.03
    /// Nats an image of 64 pixels, by the same reason.
    static let autoencoder = 0.2
    /// Nats an image: with 450 held-out images one more mistake costs about 0.01.
    static let classifier = 0.02
    /// Bits a channel of a pixel: about 1 % of what a reconstruction costs.
    static let pixelBits = 0.02
    /// Frechet distance: about the half-width of the interval of one estimate.
    static let frechet = 2.0
    /// Nats an utterance.
    static let speech = 1.0
}
