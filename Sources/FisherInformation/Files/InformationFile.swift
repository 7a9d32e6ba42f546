import NeuralNet
import Torch

/// An estimate of the Fisher information in a safetensors file, with the counts and fingerprints by which files of
/// different data can be merged to the estimate of all of it.
///
/// The tensors are means over observations in float64, on the scale of the mean negative log-likelihood, and
/// mean times count is the sum. The article <doc:InformationFiles> lists their names.
public struct InformationFile {
    /// What was estimated, of what and from which data.
    public internal(set) var header: InformationHeader
    /// The estimate.
    public internal(set) var estimate: Estimate

    /// The estimates that a file can hold.
    public enum Estimate {
        /// The whole matrix.
        case full(FullInformation)
        /// The whole matrix of each layer.
        case blocks(BlockInformation)
        /// The diagonal.
        case diagonal(DiagonalInformation)
        /// The Kronecker factors of each layer.
        case kronecker(KroneckerInformation)
        /// The diagonals of the Kronecker factors, and the diagonal of other parameters.
        case kroneckerDiagonal(KroneckerInformation)
        /// The eigenvalues in Kronecker eigenbases.
        case eigenvalueCorrected(EigenvalueCorrectedInformation)
        /// The leading eigenpairs.
        case lowRank(LowRankInformation)

        /// The number of observations.
        public var observationCount: Int {
            switch self {
            case .full(let found): found.observationCount
            case .blocks(let found): found.observationCount
            case .diagonal(let found): found.observationCount
            case .kronecker(let found), .kroneckerDiagonal(let found): found.observationCount
            case .eigenvalueCorrected(let found): found.observationCount
            case .lowRank(let found): found.observationCount
            }
        }
    }

    /// Gathers an estimate and what it is of. The header's lists of parameters and counts are taken from the estimate.
    public init(_ estimate: Estimate, header: InformationHeader) {
        self.estimate = estimate
        self.header = header
        switch estimate {
        case .full(let found): self.header.parameters = found.paths.map(\.description)
        case .lowRank(let found): self.header.parameters = found.paths.map(\.description)
        case .blocks(let found):
            self.header.blocks = Dictionary(
                uniqueKeysWithValues: found.sums.map { (Self.name(of: $0), $0.paths.map(\.description)) })
        case .kronecker(let found), .kroneckerDiagonal(let found):
            self.header.uncovered = found.uncovered.map(\.description)
            self.header.inputCounts = Dictionary(
                uniqueKeysWithValues: found.layers.map { ("\($0.key)", $0.value.inputCount) })
            self.header.parameters = found.others.map(Self.parameters)
        case .eigenvalueCorrected(let found):
            self.header.uncovered = found.uncovered.map(\.description)
            self.header.layers = found.layers.keys.sorted().map(\.description)
        case .diagonal(let found): self.header.parameters = Self.parameters(of: found)
        }
    }

    private static func parameters(of found: DiagonalInformation) -> [String] {
        (found.squares.isEmpty ? found.gradients : found.squares).keys.sorted().map(\.description)
    }

    /// The answer to a request as a file's estimate; nil for one that was not made, or that files do not hold.
    public static func estimate(_ request: CurvatureRequest, in found: CurvatureEstimates) -> Estimate? {
        switch request {
        case .full(let source): found.full(source).map { .full($0) }
        case .blocks(let source): found.blocks(source).map { .blocks($0) }
        case .diagonal(let source): found.diagonal(source).map { .diagonal($0) }
        case .kronecker(let source, let sharing): found.kronecker(source, sharing).map { .kronecker($0) }
        case .kroneckerDiagonal(let source, let sharing):
            found.kroneckerDiagonal(source, sharing).map { .kroneckerDiagonal($0) }
        case .eigenvalueCorrected(let source, let sharing):
            found.eigenvalueCorrected(source, sharing).map { .eigenvalueCorrected($0) }
        case .lowRank(let rank, let source): found.lowRank(rank, source).map { .lowRank($0) }
        default: nil
        }
    }

    /// The name of a block: its first parameter's layer.
    static func name(of block: MatrixSums) -> String { "\(block.paths[0].parent)" }

    /// The eigenbases of the file's Kronecker factors, or those in which its eigenvalues are, by layer.
    ///
    /// Estimates in the same bases can be merged. The bases are in the type that accumulates numbers of `dtype`. Throws `InformationFileError` for other structures, and `TorchError` if
    /// an eigenvalue decomposition fails.
    public func eigenbases(dtype: DType = .float64) throws -> [ParameterPath: KroneckerEigenbasis] {
        let found: [ParameterPath: KroneckerEigenbasis]
        switch estimate {
        case .kronecker(let factors): found = try factors.layers.mapValues { try KroneckerEigenbasis(of: $0) }
        case .eigenvalueCorrected(let values): found = values.layers.mapValues(\.basis)
        default:
            throw InformationFileError(
                "it holds \(header.structure), which has no bases; a file of kronecker or ekfac is needed")
        }
        let type = dtype.accumulator
        return found.mapValues {
            KroneckerEigenbasis(inputs: $0.inputs.to(dtype: type), outputs: $0.outputs.to(dtype: type))
        }
    }

    /// Writes the file, whole or not at all. Throws `NonFiniteError` for an estimate that is not finite, and
    /// `SafetensorsError` if the file cannot be written.
    public func write(to path: String) throws {
        let sources = try tensors().sorted { $0.name < $1.name }.map { name, tensor in
            // Gradients whose squares overflow the type.
            if try tensor.nonFiniteElement() != nil { throw NonFiniteError(source: "the estimate \(name)") }
            return try SafetensorsSource(name: name, tensor: tensor.detached().to(dtype: .float64))
        }
        try SafetensorsWriter(metadata: [
            "source": "\(header.source)", "structure": header.structure, Self.key: try header.json(),
        ]).write(sources, to: path)
    }

    static let key = "information"

    /// The fingerprint of inputs and targets in the types in which they were used.
    public static func fingerprint(inputs: Tensor, targets: Tensor) throws(TorchError) -> String {
        var fingerprint = Fingerprint()
        try fingerprint.add("inputs", inputs)
        try fingerprint.add("targets", targets)
        return fingerprint.text
    }
}
