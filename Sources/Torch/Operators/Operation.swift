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

    /// An argument of a call; those left out at the end take the schema's defaults.
    enum Argument {
        case `default`
        case none
        case tensor(Tensor)
        case tensors([Tensor])
        case integer(Int)
        case integers([Int])
        case real(Double)
        case boolean(Bool)
        case generator(RandomGenerator)
        case dtype(DType)
        case device(Device)
        case optional(Tensor?)
        case string(StaticString)
    }

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
        var values: [ct_value] = []
        values.reserveCapacity(arguments.count)
        var integers: [Int64] = []
        var tensors: [ct_tensor?] = []
        for argument in arguments {
            if let failure = argument.failure { return .failure(failure) }
            values.append(argument.encoded(&integers, &tensors))
        }
        var count = Int64(capacity)
        return withExtendedLifetime(arguments) {
            withUnsafeTemporaryAllocation(of: ct_tensor?.self, capacity: capacity) { found in
                found.initialize(repeating: nil)
                let status = ct_call(
                    handle, values, Int64(values.count), integers, tensors, found.baseAddress, &count)
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

extension Operation.Argument {
    /// The first failure among the tensors of this argument.
    fileprivate var failure: TorchError? {
        switch self {
        case .tensor(let tensor): tensor.failure
        case .optional(let tensor): tensor?.failure
        case .tensors(let tensors): tensors.lazy.compactMap(\.failure).first
        default: nil
        }
    }

    /// The C form; lists go to the call's shared buffers.
    fileprivate func encoded(_ integers: inout [Int64], _ tensors: inout [ct_tensor?]) -> ct_value {
        var value = ct_value(kind: CT_NONE, integer: 0, count: 0, real: 0, pointer: nil)
        switch self {
        case .default: value.kind = CT_DEFAULT
        case .none, .optional(nil): break
        case .tensor(let tensor), .optional(.some(let tensor)):
            value.kind = CT_TENSOR
            value.pointer = UnsafeRawPointer(tensor.handle)
        case .tensors(let list):
            value.kind = CT_TENSORS
            value.integer = Int64(tensors.count)
            value.count = Int64(list.count)
            tensors.append(contentsOf: list.map(\.handle))
        case .integer(let number):
            value.kind = CT_INTEGER
            value.integer = Int64(number)
        case .integers(let list):
            value.kind = CT_INTEGERS
            value.integer = Int64(integers.count)
            value.count = Int64(list.count)
            integers.append(contentsOf: list.map(Int64.init))
        case .real(let number):
            value.kind = CT_REAL
            value.real = number
        case .boolean(let flag):
            value.kind = CT_BOOLEAN
            value.integer = flag ? 1 : 0
        case .generator(let generator):
            value.kind = CT_GENERATOR
            value.pointer = UnsafeRawPointer(generator.handle)
        case .dtype(let dtype):
            value.kind = CT_INTEGER
            value.integer = Int64(dtype.rawValue)
        case .device(let device):
            value.kind = CT_DEVICE
            value.integer = Int64(device.code.type)
            value.count = Int64(device.code.index)
        case .string(let text):
            value.kind = CT_STRING
            value.pointer = UnsafeRawPointer(text.utf8Start)
        }
        return value
    }
}
