import FisherStudies

/// The arms and problems of the study of FAdam's exponent; stated before anything is run.
package enum ExponentPlan {
    /// The powers above 1/2 of the screening.
    package static let powers = [0.6, 0.7]
    /// The decays of the information.
    static let decays = [0.99, 0.95, 0.999]
    /// The seeds of the screening.
    static let screeningSeeds: [UInt64] = [0, 1]
    /// The seeds of the finals: others, since finalists were chosen for their losses with those.
    static let finalSeeds = (2..<2 + UInt64(ExponentStudy.finalSeedCount)).map { $0 }

    /// The arms of the screening: rho x length x clip x beta2 x source, without those that coincide, and the controls. The
    /// whole diagonal of factors is there for the mini-batch's square; the per-sample one, whose steps cost more, has one
    /// decay.
    package static let screening: [ExponentArm] = {
        let factors = decays.map { ($0, "minibatch") } + [(0.99, "empirical")]
        let arms = factors.flatMap { decay, source -> [ExponentArm] in
            let fadam = ([0.5] + powers).flatMap { power -> [ExponentArm] in
                // At 1/2 its own length is that of 1/2.
                let lengths = power == 0.5 ? ["own"] : ["own", "square_root"]
                let free = lengths.flatMap { length in
                    [1, nil].map { clip in
                        ExponentArm.fadam(
                            power: power, length: length, clip: clip, beta2: decay, source: source)
                    }
                }
                return free + [.fadam(power: power, length: "unit", beta2: decay, source: source)]
            }
            guard source == "minibatch" else { return fadam }
            return fadam + [
                .adamw(beta2: decay), .adamw(length: "unit", beta2: decay),
                .adamw(beta2: decay, gradientPower: 1.2),
            ]
        }
        return arms
    }()

    /// The problem of the screening: the first of the finals.
    package static var screeningProblem: Problem { finalProblems[0] }

    /// The problems of the finals: five kinds of task at two sizes each, by the width, the network or the length of a run.
    /// All runs together take about four hours of one core, with one thread each.
    package static let finalProblems: [Problem] = [
        language("language-headers-small", corpus: "headers", width: 64, steps: 450),
        language("language-headers-large", corpus: "headers", width: 128, steps: 450),
        language("language-docstrings-small", corpus: "docstrings", width: 64, steps: 450),
        language("language-docstrings-large", corpus: "docstrings", width: 128, steps: 450),
        digits("autoencoder-short", network: "autoencoder", steps: 500),
        digits("autoencoder-long", network: "autoencoder", steps: 2000),
        digits("classifier-perceptron", network: "perceptron", steps: 1000),
        digits("classifier-cnn", network: "cnn", steps: 1000),
        speech("speech-small", width: 32, layers: 2, bands: 20, steps: 600),
        speech("speech-large", width: 48, layers: 2, bands: 40, steps: 500),
    ]

    /// The learning rates that every arm begins with on a problem; a grid grows while the best lies at an edge.
    static func rates(on problem: Problem) -> [Double] {
        let center = problem.task == "speech" ? 8e-3 : 4e-3
        return [center / 2, center, center * 2]
    }

    // 450 steps of text: at 300 some seeds are still on the plateau before the model looks back, whatever the optimizer.
    private static func language(_ name: String, corpus: String, width: Int, steps: Int) -> Problem {
        Problem(
            name, task: "language", tuningSeeds: 2,
            [
                "data.corpus": corpus, "data.batch": "8", "model.size": "tiny", "model.width": "\(width)",
                "model.layers": "2", "model.heads": "4", "model.context": "64",
                "optimizer.warm_up": "\(steps / 10)", "training.steps": "\(steps)",
                "training.evaluate_every": "\(steps)",
            ])
    }

    private static func digits(_ name: String, network: String, steps: Int) -> Problem {
        Problem(
            name, task: "digits", preset: network,
            [
                "optimizer.warm_up": "\(steps / 10)", "training.steps": "\(steps)",
                "training.evaluate_every": "\(steps)",
            ])
    }

    private static func speech(_ name: String, width: Int, layers: Int, bands: Int, steps: Int) -> Problem {
        Problem(
            name, task: "speech", preset: "tiny", tuningSeeds: 2,
            [
                "data.batch": "8", "data.bands": "\(bands)", "model.width": "\(width)",
                "model.layers": "\(layers)",
                "optimizer.warm_up": "\(steps / 10)", "training.steps": "\(steps)",
                "training.evaluate_every": "\(steps)",
            ])
    }
}

extension Problem {
    /// The command that trains on the problem, without the optimizer.
    var command: String {
        (["fisher train \(task)"] + (preset.map { ["--preset \($0)"] } ?? [])
            + settings.map { "--set \($0.name)=\($0.value)" }).joined(separator: " ")
    }
}
