import Fisher
import FisherCommand
import FisherTraining

/// `own-task predict`: how often one must try at a point, by the model of a run.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predict how often one must try at a point, by the model of a run.")

    @Argument(help: "The run's folder, or a checkpoint's.")
    var folder: String
    @Option(help: "The point's first number, in [-1, 1].")
    var x = 0.5
    @Option(help: "The point's second number, in [-1, 1].")
    var y = 0.5

    func run() throws {
        let saved = try SavedModel(at: folder)
        let file = try SafetensorsFile(path: saved.weights)
        let width = file.metadata["width"].flatMap { Int($0) } ?? WaitingTask.Options().width
        let model = WaitingNetwork(width: width, using: try RandomGenerator(seed: 0))
        try model.load(from: saved.weights)
        let logits = withoutGradients { model(Tensor([Float(x), Float(y)], shape: [1, 2])) }
        // E[y] = (1 - p) / p.
        print("failures to expect: \(try (-logits).exp().item())")
    }
}
