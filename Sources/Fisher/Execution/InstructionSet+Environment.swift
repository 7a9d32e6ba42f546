import FisherInformation

extension InstructionSet {
    /// The one that the environment names, or the fastest; throws a name that is none of those here.
    static func chosen() throws(HyperparameterError) -> InstructionSet {
        if let set = supported(named: requestedName) { return set }
        throw HyperparameterError(
            rule: "optimizer", option: variable, value: requestedName ?? "",
            reason: "is not one of " + supported.map(\.rawValue).joined(separator: ", "))
    }
}
