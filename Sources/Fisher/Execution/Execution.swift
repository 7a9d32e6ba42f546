import Torch

/// Which of the two executions of a rule an optimizer uses.
public enum Execution: String, Codable, CaseIterable, Sendable {
    /// The fused path where there is one, the formula path elsewhere.
    ///
    /// The fused path takes contiguous parameters of type float32 or bfloat16 in the machine's memory, whose
    /// gradients have the same type, without auxiliary gradients, under the rules' usual options.
    case automatic
    /// Tensor operations that read like the published algorithm, always.
    case formula
}

extension InstructionSet {
    /// The one that the environment names, or the fastest; throws a name that is none of those here.
    static func chosen() throws(HyperparameterError) -> InstructionSet {
        if let set = supported(named: requestedName) { return set }
        throw HyperparameterError(
            rule: "optimizer", option: variable, value: requestedName ?? "",
            reason: "is not one of " + supported.map(\.rawValue).joined(separator: ", "))
    }
}
