import NeuralNet
import Torch

/// Files hold `prior` and `data` [parameters, parameters], `observations` [], and the paths as metadata.
extension FisherAccumulator {
    private static let key = "parameters"

    /// Writes the accumulator to a safetensors file, whole or not at all.
    public func save(to path: String) throws {
        let count = Tensor([Int64(observationCount)], shape: [])
        try SafetensorsWriter(
            metadata: [FisherAccumulator.key: paths.map(\.description).joined(separator: "\n")]
        ).write(
            [
                try SafetensorsSource(name: "prior", tensor: prior),
                try SafetensorsSource(name: "data", tensor: data),
                try SafetensorsSource(name: "observations", tensor: count),
            ], to: path)
    }

    /// Reads a file written by `save`. Throws `SafetensorsError` for a file with other contents.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        let (prior, data) = (try file.tensor(named: "prior"), try file.tensor(named: "data"))
        let count = try file.tensor(named: "observations")
        guard let text = file.metadata[FisherAccumulator.key], prior.rank == 2,
            prior.shape[0] == prior.shape[1], data.shape == prior.shape, data.dtype == prior.dtype,
            count.count == 1, try count.item() >= 0
        else {
            throw SafetensorsError(.malformed, path: path, reason: "it holds no accumulated information")
        }
        let paths = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { ParameterPath(String($0)) }
        try self.init(paths: paths, prior: prior)
        try add(data, observations: Int(try count.item()))
    }

    /// The sum of what several processes saved: the first file's prior, and the data of all.
    ///
    /// Throws `CurvatureError` if the files are of other parameters.
    public init(merging files: [String]) throws {
        guard let first = files.first else { throw CurvatureError.noObservations }
        try self.init(path: first)
        for file in files.dropFirst() { try merge(try FisherAccumulator(path: file)) }
    }
}
