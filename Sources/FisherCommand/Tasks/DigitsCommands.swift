import ArgumentParser
import FisherTasks
import FisherTraining

/// Small networks on handwritten digits.
enum DigitsCommands: CommandTask {
    struct Compared: ComparedTask {
        static let name = "digits"
        static let model = "an autoencoder or a classifier of handwritten digits"
        static let remark = "The 1,797 images are part of the program."
        static let defaults = ComparisonDefaults(
            steps: 1000, batch: 128, examples: "images", learningRate: 3e-3)

        @Option(help: "The network: autoencoder (deep, Bernoulli pixels) or cnn (classes).")
        var network = DigitsNetwork.autoencoder
        @Option(help: "tanh or relu; by default tanh for the autoencoder, relu for the cnn.")
        var activation: DigitsNetwork.Activation?
        @Option(help: "The share of the images that is held out.")
        var testShare = 0.25
        @Option(help: "The seed by which they are chosen, the same for all runs.")
        var splitSeed: UInt64 = 0

        var folder: String { "digits-\(network.rawValue)" }

        func source() throws -> (training: Digits, test: Digits) {
            try Digits.all.split(test: testShare, seed: splitSeed)
        }

        func tuningSplit(
            of source: (training: Digits, test: Digits)
        ) throws -> (training: Digits, test: Digits) {
            try source.training.split(test: testShare, seed: splitSeed &+ 1)
        }

        func task(
            on source: (training: Digits, test: Digits), batch: Int, settings: [Setting]
        ) throws -> DigitsTask {
            try DigitsTask(
                network, activation: activation, training: source.training, test: source.test, batch: batch,
                settings: settings)
        }
    }

    struct Trained: TrainedTask {
        static let name = "digits"
        static let model = "an autoencoder or a classifier of handwritten digits"
        static let example = "fisher train digits --preset autoencoder --set optimizer.rule=fadam"

        var values: [(key: String, pieces: [String])] { [] }

        static func afterwards(_ folder: String) -> String? { nil }

        typealias Configuration = DigitsConfiguration
    }
}

extension DigitsNetwork: ExpressibleByArgument {}
extension DigitsNetwork.Activation: ExpressibleByArgument {}
