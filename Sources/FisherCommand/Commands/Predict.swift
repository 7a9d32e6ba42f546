import ArgumentParser
import Fisher
import FisherData
import FisherTasks
import FisherTraining
import Foundation

/// `fisher predict`: what a network that was trained on the user's data says of new samples.
struct Predict: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Predict new samples with a run of fisher train data, as CSV.",
        discussion: """
            The samples are prepared as those of the run were: with its means and deviations, its categories, its size of \
            images. Of classes the likeliest is written, with the probability of each; of numbers the means in their unit.

            fisher predict runs/data --inputs new.csv --output predictions.csv
            """)

    @Argument(help: "A run's folder (its best checkpoint), a checkpoint's folder, or its file of weights.")
    var model: String
    @Option(help: "The samples, in any of the formats of fisher train data; targets are not needed.")
    var inputs: String
    @Option(name: .shortAndLong, help: "The CSV file; by default the predictions are printed.")
    var output: String?
    @Option(help: "Cells of a table without a value: error, or impute the mean of the run's training rows.")
    var missing: MissingCells = .error
    @Option(help: "MiB of data held in memory; by default a quarter of the machine's.")
    var memory: Int?
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        try requirePositive(["memory": memory ?? 1])
        guard missing != .drop else {
            throw ValidationError("--missing must be error or impute: each sample has its prediction.")
        }
        guard memory ?? 1 <= 1 << 40 else { throw ValidationError("--memory must be at most \(1 << 40).") }
    }

    func compute() throws {
        Interruption.install()
        if let output {
            try requireApart(["--output": output], from: ["--inputs": inputs])
            try FileWriter.check(output)
        }
        let predictor = try DataPredictor(weights: try SavedModel(at: model).weights)
        let bytes = memory.map { $0 << 20 } ?? Int(clamping: ProcessInfo.processInfo.physicalMemory / 4)
        let file = try output.map { try FileWriter(replacing: $0) }
        var count = 0
        func write(_ cells: [String]) throws {
            let line = Array((cells.map(Self.quoted).joined(separator: ",") + "\n").utf8)
            guard let file else { return try StandardDescriptors.writeOutput(line) }
            try line.withUnsafeBytes { try file.append($0) }
        }
        try write(predictor.columns)
        try predictor.rows(of: inputs, memory: bytes, missing: missing) {
            try write($0)
            count += 1
        }
        try file?.commit()
        if let output { say("\(count) predictions written to \(output)") }
    }

    /// A cell of CSV, in quotes where it needs them.
    private static func quoted(_ text: String) -> String {
        text.contains { ",\"\n\r;\t".contains($0) }
            ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}

extension MissingCells: ExpressibleByArgument {}
