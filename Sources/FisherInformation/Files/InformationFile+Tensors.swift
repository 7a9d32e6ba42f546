import NeuralNet
import Torch

// The tensors of an estimate by their names in a file.
extension InformationFile {
    typealias Named = (name: String, tensor: Tensor)

    /// The means in float64: sums are divided in it, so that they are found again from a mean and a count.
    func tensors() -> [Named] {
        switch estimate {
        case .full(let found): return Self.matrices(found, "full", gradient: "gradient")
        case .blocks(let found):
            return found.blocks.flatMap {
                let name = Self.name(of: $0.sums)
                return Self.matrices($0, "blocks/\(name)", gradient: "gradient/\(name)")
            }
        case .diagonal(let found): return Self.diagonal(found)
        case .kronecker(let found): return Self.factors(found, "kronecker")
        case .kroneckerDiagonal(let found):
            return Self.factors(found, "diagonal_kronecker") + (found.others.map(Self.diagonal) ?? [])
        case .eigenvalueCorrected(let found):
            return found.layers.flatMap { path, factors in
                [
                    ("ekfac/\(path)/Q_A", factors.basis.inputs), ("ekfac/\(path)/Q_S", factors.basis.outputs),
                    ("ekfac/\(path)/eigenvalues", factors.squares.exact / found.divisor),
                ]
            }
        case .lowRank(let found):
            return [
                ("low_rank/values", Tensor(found.values, shape: [found.values.count])),
                ("low_rank/vectors", found.vectors),
                ("low_rank/residuals", Tensor(found.residuals, shape: [found.residuals.count])),
            ]
        }
    }

    private static func matrices(_ found: FullInformation, _ name: String, gradient: String) -> [Named] {
        guard found.source == .minibatch, let sum = found.sums.gradient else {
            return [(name, found.sums.sum.exact / found.divisor)]
        }
        // The square of a mean gradient cannot be merged, the gradient can.
        let mean = sum.exact / found.divisor
        return [
            (name, mean.unsqueezed(1).matmul(mean.unsqueezed(0))), (gradient, mean),
        ]
    }

    private static func diagonal(_ found: DiagonalInformation) -> [Named] {
        guard found.source == .minibatch else {
            return found.squares.map { ("diagonal/\($0.key)", $0.value.exact / found.divisor) }
        }
        return found.gradients.flatMap { path, sum in
            let mean = sum.exact / found.divisor
            return [("diagonal/\(path)", mean.squared()), ("gradient/\(path)", mean)]
        }
    }

    private static func factors(_ found: KroneckerInformation, _ name: String) -> [Named] {
        found.layers.flatMap { path, layer in
            [
                ("\(name)/\(path)/A", layer.inputs.exact / Double(max(layer.inputCount, 1))),
                ("\(name)/\(path)/S", layer.outputs.exact / Double(max(layer.observationCount, 1))),
            ]
        }
    }
}

extension Tensor {
    /// The numbers in float64.
    fileprivate var exact: Tensor { failure == nil ? to(dtype: .float64) : self }
}
