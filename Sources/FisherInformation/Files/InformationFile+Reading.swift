import NeuralNet
import Torch

extension InformationFile {
    /// Reads a file that `write(to:)` wrote. Throws `SafetensorsError` for one that cannot be read, that describes no
    /// estimate, or whose tensors are not those that it describes.
    public init(path: String) throws(SafetensorsError) {
        let file = try SafetensorsFile(path: path)
        func malformed(_ reason: String) -> SafetensorsError {
            SafetensorsError(.malformed, path: path, reason: reason)
        }
        guard let text = file.metadata[Self.key] else {
            let reason =
                switch file.metadata["structure"] {
                case nil: "it is no file of fisher information: its metadata lack \(Self.key)"
                case "operator"?: "it holds results of products with an operator, and no estimate"
                default: "it holds means without counts, as earlier versions wrote them; estimate it again"
                }
            throw malformed(reason)
        }
        let header: InformationHeader
        do throws(InformationFileError) { header = try InformationHeader(json: text.utf8) } catch {
            throw malformed("\(error)")
        }
        let reader = Reader(file: file, header: header)
        estimate = try reader.estimate()
        self.header = header
    }
}

/// Reads the tensors that a header describes, and multiplies means by counts.
private struct Reader {
    let file: SafetensorsFile
    let header: InformationHeader

    private var count: Int { header.observationCount }

    private func malformed(_ reason: String) -> SafetensorsError {
        SafetensorsError(.malformed, path: file.path, reason: reason)
    }

    func estimate() throws(SafetensorsError) -> InformationFile.Estimate {
        guard let request = header.request else { throw malformed("it holds no structure of ours") }
        switch request {
        case .full:
            return .full(counted(try matrix("full", gradient: "gradient", paths(header.parameters))))
        case .blocks: return .blocks(counted(try blocks()))
        case .diagonal: return .diagonal(counted(try diagonal()))
        case .kronecker: return .kronecker(counted(try factors("kronecker", rank: 2)))
        case .kroneckerDiagonal:
            return .kroneckerDiagonal(counted(try factors("diagonal_kronecker", rank: 1)))
        case .eigenvalueCorrected: return .eigenvalueCorrected(counted(try eigenvalues()))
        default: return .lowRank(try eigenpairs())
        }
    }

    private func counted<Sums: Summable>(_ sums: Sums) -> Counted<Sums> {
        Counted(source: header.source, sums: sums, observationCount: count)
    }

    /// A tensor of float64, of finite numbers.
    private func tensor(_ name: String, rank: Int? = nil) throws(SafetensorsError) -> Tensor {
        let found = try file.tensor(named: name)
        func wrong(_ reason: String) -> SafetensorsError {
            SafetensorsError(.malformed, path: file.path, tensor: name, reason: reason)
        }
        guard found.dtype == .float64 else { throw wrong("it must be float64, not \(found.dtype)") }
        if let rank, found.rank != rank { throw wrong("it must have \(rank) dimensions, not \(found.rank)") }
        do {
            if let reason = try found.nonFiniteElement() { throw wrong(reason) }
        } catch let error as TorchError {
            throw wrong("\(error)")
        } catch let error as SafetensorsError {
            throw error
        } catch {
            throw wrong("\(error)")
        }
        return found
    }

    private func sum(_ name: String, rank: Int? = nil, count: Int? = nil) throws(SafetensorsError) -> Tensor {
        try tensor(name, rank: rank) * Double(count ?? self.count)
    }

    private func paths(_ names: [String]?) throws(SafetensorsError) -> [ParameterPath] {
        guard let names, !names.isEmpty else { throw malformed("its description lacks the parameters") }
        return names.map { ParameterPath($0) }
    }

    private func matrix(
        _ name: String, gradient: String, _ paths: [ParameterPath]
    ) throws(SafetensorsError) -> MatrixSums {
        let sum = try sum(name, rank: 2)
        guard sum.shape[0] == sum.shape[1] else {
            throw SafetensorsError(
                .malformed, path: file.path, tensor: name, reason: "it must be a square matrix")
        }
        var slope: Tensor?
        if header.source == .minibatch { slope = try self.sum(gradient, rank: 1) }
        return MatrixSums(
            paths: paths, sum: sum, gradient: slope,
            point: ModelPoint(network: header.network, weights: header.weights))
    }

    private func blocks() throws(SafetensorsError) -> [MatrixSums] {
        guard let blocks = header.blocks, !blocks.isEmpty else {
            throw malformed("its description lacks the blocks")
        }
        var found: [MatrixSums] = []
        for (name, names) in blocks {
            found.append(try matrix("blocks/\(name)", gradient: "gradient/\(name)", try paths(names)))
        }
        return found.sorted { $0.paths[0] < $1.paths[0] }
    }

    private func diagonal() throws(SafetensorsError) -> DiagonalSums {
        let isSquare = header.source == .minibatch
        let group = isSquare ? "gradient" : "diagonal"
        var sums: [ParameterPath: Tensor] = [:]
        for path in try paths(header.parameters) { sums[path] = try sum("\(group)/\(path)") }
        return DiagonalSums(squares: isSquare ? [:] : sums, gradients: isSquare ? sums : [:])
    }

    private func factors(_ name: String, rank: Int) throws(SafetensorsError) -> KroneckerSums {
        guard let counts = header.inputCounts, let sharing = header.sharing else {
            throw malformed("its description lacks the sharing or the counts of inputs")
        }
        var layers: [ParameterPath: KroneckerFactors] = [:]
        for (layer, inputCount) in counts {
            layers[ParameterPath(layer)] = KroneckerFactors(
                inputs: try sum("\(name)/\(layer)/A", rank: rank, count: inputCount),
                outputs: try sum("\(name)/\(layer)/S", rank: rank), inputCount: inputCount,
                observationCount: count)
        }
        let uncovered = (header.uncovered ?? []).map { ParameterPath($0) }
        var others: DiagonalInformation?
        if rank == 1, !uncovered.isEmpty { others = counted(try diagonal()) }
        return KroneckerSums(sharing: sharing, layers: layers, uncovered: uncovered, others: others)
    }

    private func eigenvalues() throws(SafetensorsError) -> EigenvalueSums {
        var layers: [ParameterPath: EigenvalueCorrectedFactors] = [:]
        guard let names = header.layers else { throw malformed("its description lacks the layers") }
        for layer in names {
            let basis = KroneckerEigenbasis(
                inputs: try tensor("ekfac/\(layer)/Q_A", rank: 2),
                outputs: try tensor("ekfac/\(layer)/Q_S", rank: 2))
            let squares = try sum("ekfac/\(layer)/eigenvalues", rank: 2)
            guard basis.outputs.shape == [squares.shape[0], squares.shape[0]],
                basis.inputs.shape == [squares.shape[1], squares.shape[1]]
            else {
                throw malformed("the shapes of Q_A, Q_S and eigenvalues of ekfac/\(layer) do not fit")
            }
            layers[ParameterPath(layer)] = EigenvalueCorrectedFactors(
                basis: basis, squares: squares, observationCount: count)
        }
        return EigenvalueSums(
            layers: layers, uncovered: (header.uncovered ?? []).map { ParameterPath($0) })
    }

    private func eigenpairs() throws(SafetensorsError) -> LowRankInformation {
        let (values, residuals) = (
            try tensor("low_rank/values", rank: 1), try tensor("low_rank/residuals", rank: 1)
        )
        do {
            return LowRankInformation(
                source: header.source, paths: try paths(header.parameters),
                values: try values.scalars(as: Double.self),
                vectors: try tensor("low_rank/vectors", rank: 2),
                residuals: try residuals.scalars(as: Double.self), observationCount: count)
        } catch let error as SafetensorsError {
            throw error
        } catch {
            throw malformed("\(error)")
        }
    }
}
