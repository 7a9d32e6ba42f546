import NeuralNet
import Torch

extension BackwardPass {
    /// The pass with each unit's gradients over the length of its gradient in the outputs; zero where that is zero.
    func improved(by outputGradient: Tensor?) -> BackwardPass {
        guard let outputGradient else { return self }
        let lengths = outputGradient.flattened(from: 1).squared().sum(along: 1).squareRoot()
        let scale = quotient(.ones(like: lengths), lengths)
        func scaled(_ gradient: Tensor) -> Tensor {
            if gradient.failure != nil { return gradient }
            return gradient * scale.reshaped([-1] + [Int](repeating: 1, count: gradient.rank - 1))
        }
        return BackwardPass(
            uses: uses.mapValues { uses in
                uses.map { LayerUse(input: $0.input, outputGradient: scaled($0.outputGradient)) }
            }, generic: generic.mapValues(scaled), weight: weight)
    }
}
