import Fisher
import FisherData
import FisherTraining
import Foundation

/// Predicts new samples with the network of a run of ``DataTask``.
public struct DataPredictor {
    private let plain: PlainNetwork
    private let preparation: DataPreparation

    /// Reads a file of weights that a run of the task wrote.
    ///
    /// - Parameter weights: the path of the safetensors file.
    /// - Throws: `SafetensorsError`, and `WeightError` for weights of another origin.
    public init(weights: String) throws {
        guard let json = try SafetensorsFile(path: weights).metadata[DataPreparation.metadataKey] else {
            throw WeightError(
                description:
                    "\(weights) does not say how samples are prepared for it: predictions are made with runs of fisher "
                    + "train data")
        }
        do {
            preparation = try StoredJSON.decode(DataPreparation.self, from: Data(json.utf8))
        } catch {
            throw WeightError(description: "\(weights): what it says of its samples is damaged")
        }
        plain = try PlainNetwork(describedIn: weights)
    }

    /// The names of the columns that ``rows(of:memory:missing:_:)`` gives, the number of the sample first.
    public var columns: [String] {
        if !preparation.classNames.isEmpty {
            return ["sample", "class"] + preparation.classNames.map { "p(\($0))" }
        }
        let count = preparation.targetShape.reduce(1, *)
        let known = preparation.targetNames
        let names =
            known.count == count ? known : (0..<count).map { count == 1 ? "prediction" : "prediction \($0)" }
        switch plain.specification.likelihood {
        case Bernoulli.name: return ["sample"] + names.map { "p(\($0))" }
        case "gaussian_learned_variance":
            return ["sample"] + names + names.map { "\($0) deviation" }
        default: return ["sample"] + names
        }
    }

    /// Predicts the samples of a file or folder: of classes the likeliest one and the probabilities of all, of numbers the
    /// means in their unit.
    ///
    /// - Parameters:
    ///   - inputs: the file or folder, in any of the formats of `fisher train data`; columns of a table that were no inputs
    ///     are left out.
    ///   - memory: the bytes up to which data are held in memory.
    ///   - missing: what is done with missing cells of a table.
    ///   - row: takes the cells of one sample.
    /// - Throws: what reading the samples throws, `ConfigurationError` for samples of another shape, and what `row` throws.
    public func rows(
        of inputs: String, memory: Int, missing: MissingCells = .error, _ row: ([String]) throws -> Void
    ) throws {
        var request = DataRequest(inputs: inputs, memory: memory)
        (request.needsNoTargets, request.missing) = (true, missing)
        if preparation.storedShape.count == 3 {
            let shape = preparation.storedShape
            request.imageChannels = shape[0]
            request.imageSize = .init(height: shape[1], width: shape[2])
        }
        let data = try DataReader(request, poll: Interruption.poll).dataSet(
            like: preparation.encoding, classNames: nil)
        guard data.inputs.shape == preparation.storedShape else {
            throw ConfigurationError(
                "the samples of \(inputs) have the shape \(data.inputs.shape), those of the run \(preparation.storedShape)"
            )
        }
        let all =
            data.encoding == nil
            ? data.inputs : try data.inputs.filling(preparation.standardization.replacements)
        for start in stride(from: 0, to: data.count, by: 512) {
            try Interruption.poll()
            let chosen = Array(start..<min(start + 512, data.count))
            let stored = try all.rows(at: chosen)
            if !all.isInMemory { try NumberChecks.requireFinite(stored, in: inputs, rows: chosen) }
            let outputs = withoutGradients { plain.network(preparation.inputs(stored)) }
            for (number, cells) in zip(chosen, try cells(outputs)) { try row(["\(number)"] + cells) }
        }
    }

    private func cells(_ outputs: Tensor) throws -> [[String]] {
        try outputs.check()
        let samples = outputs.shape[0]
        func rows(_ values: Tensor) throws -> [[Double]] {
            let all = try values.scalars(as: Double.self)
            let width = all.count / max(samples, 1)
            return (0..<samples).map { Array(all[$0 * width..<($0 + 1) * width]) }
        }
        func texts(_ numbers: [Double]) -> [String] { numbers.map { "\(Float($0))" } }
        if !preparation.classNames.isEmpty {
            return try rows(outputs.softmax(along: -1)).map { row in
                let best = row.indices.max { row[$0] < row[$1] } ?? 0
                return [preparation.classNames[best]] + texts(row)
            }
        }
        switch plain.specification.likelihood {
        case Bernoulli.name: return try rows(outputs.sigmoid()).map(texts)
        case "gaussian_learned_variance":
            let parts = outputs.split(into: 2, along: -1)
            let means = try rows(preparation.original(parts[0]))
            let deviations = try rows((parts[1] / 2).exp())
            return zip(means, deviations).map { mean, deviation in
                let scaled = zip(deviation.indices, deviation).map { index, value in
                    value * (preparation.targetDeviations.isEmpty ? 1 : preparation.targetDeviations[index])
                }
                return texts(mean) + texts(scaled)
            }
        default: return try rows(preparation.original(outputs)).map(texts)
        }
    }
}
