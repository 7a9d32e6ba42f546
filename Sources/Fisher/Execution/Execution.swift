import Torch

/// Which of the two executions of a rule an optimizer uses.
public enum Execution: String, Codable, CaseIterable, Sendable {
    /// The fused path if there is one, otherwise the formula path.
    ///
    /// The fused path takes contiguous parameters of type float32 or bfloat16 in the machine's memory, whose
    /// gradients have the same type, without auxiliary gradients, under the rules' usual options. On a card it is there where
    /// `Scripts/build-cuda-kernels` has been run, but not for SGD and AdaFisher.
    case automatic
    /// Tensor operations that read like the published algorithm, always.
    case formula
}

extension InstructionSet {
    /// The one that the environment names, or the fastest; throws for an unknown name.
    static func chosen() throws(HyperparameterError) -> InstructionSet {
        if let set = supported(named: requestedName) { return set }
        throw HyperparameterError(
            rule: "optimizer", option: variable, value: requestedName ?? "",
            reason: "is not one of " + supported.map(\.rawValue).joined(separator: ", "))
    }
}
