import Foundation
import NeuralNet
import Torch

/// What an information file says of its estimate: what was estimated, of which model and likelihood, and from which data.
/// It is the JSON under the key `information` of the file's metadata.
public struct InformationHeader: Codable, Hashable, Sendable {
    /// The version of the format that this package writes.
    public static let currentVersion = 1

    /// Data that was estimated in one go.
    public struct Part: Codable, Hashable, Sendable {
        /// The fingerprint of the inputs and targets: their types, shapes and bytes.
        public let data: String
        /// The seed of the draws; nil for a source that draws nothing.
        public let seed: UInt64?
        /// The number of units: samples, or whole sequences.
        public let units: Int
        /// The number of observations.
        public let observations: Int

        /// Describes a part.
        public init(data: String, seed: UInt64?, units: Int, observations: Int) {
            self.data = data
            self.seed = seed
            self.units = units
            self.observations = observations
        }
    }

    /// The version of the format.
    public let version: Int
    /// The structure's name.
    public let structure: String
    /// The source, its number of draws included.
    public let source: CurvatureSource
    /// How shared weights entered Kronecker factors; nil for structures without factors.
    public let sharing: WeightSharing?
    /// The fingerprint of the network's description.
    public let network: String
    /// The fingerprint of the weights.
    public let weights: String
    /// The likelihood as the description of a network names it.
    public let likelihood: String
    /// The type in which the network was computed.
    public let dtype: String
    /// The data, in an order that does not depend on that of merging.
    public internal(set) var parts: [Part]
    /// The parameters of whole matrices and eigenvectors in the order of the rows, and those of a diagonal; nil for other
    /// structures.
    var parameters: [String]?
    /// The layers of eigenvalues in Kronecker eigenbases; nil for other structures.
    var layers: [String]?
    /// The parameters of each block, likewise.
    var blocks: [String: [String]]?
    /// The number of terms in the factor A of each layer, which is not that of observations.
    var inputCounts: [String: Int]?
    /// Parameters without factors, which the estimate does not have.
    public internal(set) var uncovered: [String]?

    /// The number of units in all parts.
    public var unitCount: Int { parts.reduce(0) { $0 + $1.units } }
    /// The number of observations in all parts.
    public var observationCount: Int { parts.reduce(0) { $0 + $1.observations } }

    /// Describes an estimate that was made in one go, or merged.
    public init(
        _ request: CurvatureRequest, at point: ModelPoint, likelihood: String, dtype: DType, parts: [Part]
    ) {
        guard let source = request.source else { preconditionFailure("an estimate in a file has a source") }
        version = Self.currentVersion
        structure = request.structure
        self.source = source
        sharing = request.sharing
        network = point.network
        weights = point.weights
        self.likelihood = likelihood
        self.dtype = "\(dtype)"
        self.parts = parts
    }

    /// The estimate that the file holds; nil for a structure that files do not have.
    var request: CurvatureRequest? {
        CurvatureRequest.inFiles(source, sharing ?? .expand).first { $0.structure == structure }
    }
}

extension InformationHeader {
    /// Reads the JSON of a header strictly. Throws what is wrong with it.
    package init(json: some Sequence<UInt8>) throws(InformationFileError) {
        let bytes = Array(json)
        do {
            try StrictJSON.check(bytes)
            self = try JSONDecoder().decode(InformationHeader.self, from: Data(bytes))
        } catch let error as StrictJSON.Fault {
            throw InformationFileError("its description is not valid JSON: \(error)")
        } catch let error as DecodingError {
            throw InformationFileError("its description is incomplete: \(Self.reason(error))")
        } catch {
            throw InformationFileError("its description cannot be read: \(error)")
        }
        guard version == Self.currentVersion else {
            throw InformationFileError(
                "it is of version \(version) of the format; this program reads \(Self.currentVersion)")
        }
        guard request != nil else {
            throw InformationFileError("it holds no structure \(shortened(structure))")
        }
        let counts = parts.flatMap { [$0.units, $0.observations] } + (inputCounts ?? [:]).values
        guard !parts.isEmpty, counts.allSatisfy({ (0...1 << 53).contains($0) }), observationCount > 0 else {
            throw InformationFileError("its counts of data are no numbers of observations")
        }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "it lacks \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has a wrong value"
        @unknown default: "\(error)"
        }
    }

    /// The header as JSON, its keys sorted.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension CurvatureRequest {
    /// How shared weights enter; nil for structures without factors.
    var sharing: WeightSharing? {
        switch self {
        case .kronecker(_, let sharing), .kroneckerDiagonal(_, let sharing),
            .eigenvalueCorrected(_, let sharing):
            sharing
        default: nil
        }
    }

    /// The estimates that files can hold. The rank of leading eigenpairs is that of their tensors.
    static func inFiles(_ source: CurvatureSource, _ sharing: WeightSharing) -> [CurvatureRequest] {
        [
            .full(source), .blocks(source), .diagonal(source), .kronecker(source, sharing),
            .kroneckerDiagonal(source, sharing), .eigenvalueCorrected(source, sharing),
            .lowRank(1, source),
        ]
    }
}

/// Why an information file cannot be read, or files cannot be merged.
public struct InformationFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in one sentence.
    public let description: String
    /// Whether files hold the same data, and nothing else is wrong.
    public let isAboutRepeats: Bool

    init(_ description: String, isAboutRepeats: Bool = false) {
        self.description = description
        self.isAboutRepeats = isAboutRepeats
    }
}
