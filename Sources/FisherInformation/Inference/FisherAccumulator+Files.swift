import NeuralNet
import Torch

/// Files hold `prior` and `data` [parameters, parameters] and `observations` []; metadata give the paths, and the source
/// and the point of the estimates where there are any.
extension FisherAccumulator {
    private enum Key: String {
        case parameters, source, network, weights
        case acrossPoints = "across_points"
    }

    /// Writes the accumulator to a safetensors file, whole or not at all.
    public func save(to path: String) throws {
        let count = Tensor([Int64(observationCount)], shape: [])
        let metadata: [Key: String?] = [
            .parameters: paths.map(\.description).joined(separator: "\n"), .source: source?.description,
            .network: point?.network, .weights: point?.weights, .acrossPoints: acrossPoints ? "true" : nil,
        ]
        let given = metadata.compactMap { key, value in value.map { (key.rawValue, $0) } }
        try SafetensorsWriter(metadata: Dictionary(uniqueKeysWithValues: given)).write(
            [
                try SafetensorsSource(name: "prior", tensor: prior),
                try SafetensorsSource(name: "data", tensor: data),
                try SafetensorsSource(name: "observations", tensor: count),
            ], to: path)
    }

    /// Reads a file written by `save`. Throws `SafetensorsError` for a file with other contents.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        func malformed(_ reason: String) -> SafetensorsError {
            SafetensorsError(.malformed, path: path, reason: reason)
        }
        func metadata(_ key: Key) -> String? { file.metadata[key.rawValue] }
        let (prior, data) = (try file.tensor(named: "prior"), try file.tensor(named: "data"))
        let count = try file.tensor(named: "observations")
        guard let text = metadata(.parameters), prior.rank == 2,
            prior.shape[0] == prior.shape[1], data.shape == prior.shape, data.dtype == prior.dtype,
            count.count == 1, try count.item() >= 0
        else { throw malformed("it holds no accumulated information") }
        let source = metadata(.source).map { CurvatureSource($0) }
        if let source, source == nil { throw malformed("its source is none of ours") }
        var point: ModelPoint?
        if let network = metadata(.network), let weights = metadata(.weights) {
            point = ModelPoint(network: network, weights: weights)
        }
        let paths = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { ParameterPath(String($0)) }
        try self.init(paths: paths, prior: prior, acrossPoints: metadata(.acrossPoints) == "true")
        try add(data, observations: Int(try count.item()), source: source ?? nil, point: point)
    }

    /// The sum of what several processes saved: the first file's prior, and the data of all.
    ///
    /// Throws `CurvatureError` if the files are of other parameters, sources or points.
    public init(merging files: [String]) throws {
        guard let first = files.first else { throw CurvatureError.noObservations }
        try self.init(path: first)
        for file in files.dropFirst() {
            let other = try FisherAccumulator(path: file)
            do throws(CurvatureError) { try merge(other) } catch {
                guard case .mismatched(let reason) = error else { throw error }
                throw CurvatureError.mismatched(reason: "\(first) and \(file): \(reason)")
            }
        }
    }
}
