import CTorch

/// An operator of libtorch's dispatcher, found once and kept.
struct Operation: Sendable {
    let name: String
    /// The address of an entry that lives as long as the process.
    private let address: UInt

    /// Finds `aten::name` with an overload, such as "add.Tensor".
    init(_ signature: String) {
        let parts = signature.split(separator: ".", maxSplits: 1)
        name = String(parts[0])
        guard let found = ct_operator_find("aten::" + parts[0], parts.count > 1 ? String(parts[1]) : "")
        else {
            preconditionFailure("libtorch has no operator \(signature): \(TorchError.kept())")
        }
        address = UInt(bitPattern: found)
    }

    private var handle: ct_operator { ct_operator(bitPattern: address)! }

    typealias Argument = OperatorArgument

    /// Calls the operator; its only result.
    func callAsFunction(_ arguments: Argument...) -> Tensor {
        switch results(arguments, capacity: 1) {
        case .success(let tensors):
            precondition(tensors.count == 1, "\(name) gave \(tensors.count) results")
            return tensors[0]
        case .failure(let error): return Tensor(.failure(error))
        }
    }

    /// Calls the operator; all its results, each of them failed if the call fails.
    func many(_ count: Int, _ arguments: Argument...) -> [Tensor] {
        switch results(arguments, capacity: count) {
        case .success(let tensors): tensors
        case .failure(let error): (0..<count).map { _ in Tensor(.failure(error)) }
        }
    }

    /// Calls an operator that changes its first argument.
    func inPlace(_ arguments: Argument...) throws(TorchError) {
        if case .failure(let error) = results(arguments, capacity: 1) { throw error }
    }

    private func results(_ arguments: [Argument], capacity: Int) -> Result<[Tensor], TorchError> {
        for argument in arguments {
            if let failure = argument.failure { return .failure(failure) }
        }
        let encoded = EncodedArguments(arguments)
        var count = Int64(capacity)
        return withExtendedLifetime(arguments) {
            withUnsafeTemporaryAllocation(of: ct_tensor?.self, capacity: capacity) { found in
                found.initialize(repeating: nil)
                let status = encoded.withElements { values, elements in
                    ct_call(handle, values, Int64(arguments.count), elements, found.baseAddress, &count)
                }
                guard status == CT_OK else { return .failure(.kept(during: name)) }
                return .success(
                    found.prefix(Int(count)).map { handle in
                        handle.map { Tensor(owning: $0) }
                            ?? Tensor(.failure(TorchError(message: "\(name) gave an undefined tensor")))
                    })
            }
        }
    }
}
