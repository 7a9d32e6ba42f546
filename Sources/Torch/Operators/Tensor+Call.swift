import CTorch

/// A result of an operator of libtorch that was called by its name.
public enum OperatorResult {
    /// No value, such as a gradient that does not exist.
    case none
    /// A tensor.
    case tensor(Tensor)
    /// A list of tensors; nil for those that do not exist.
    case tensors([Tensor?])
    /// A whole number.
    case integer(Int)
    /// A list of whole numbers.
    case integers([Int])
    /// A number.
    case real(Double)
    /// A list of numbers.
    case reals([Double])
    /// A truth value.
    case boolean(Bool)
    /// A list of truth values.
    case booleans([Bool])
    /// A text.
    case string(String)

    /// The tensor, or the only one of a list; a failed tensor that says what the result is instead.
    public var tensor: Tensor {
        switch self {
        case .tensor(let tensor): return tensor
        case .tensors(let tensors):
            if tensors.count == 1, let tensor = tensors[0] { return tensor }
            return Tensor(failed: TorchError(message: "the result is a list of \(tensors.count) tensors"))
        default: return Tensor(failed: TorchError(message: "the result is no tensor but \(self)"))
        }
    }
}

extension Tensor {
    /// Calls any operator of libtorch by its name in the dispatcher, for those that this package has no function for.
    ///
    ///     let largest = try Tensor.call("aten::topk", .tensor(x), 3)[0].tensor
    ///     let cut = try Tensor.call("aten::clamp", .tensor(x), named: ["max": 1])[0].tensor
    ///
    /// The operators, their overloads and the names and types of their arguments are those of PyTorch's
    /// `native_functions.yaml`; the name is written `aten::name`, or `aten::name.overload` for an overload. Gradients are
    /// recorded as for other operations. An operator that changes its arguments (its name ends in `_` or it takes `out`)
    /// changes the tensors given. Compared with the functions of this package a call takes some microseconds more, in which
    /// the operator is found and the arguments are checked.
    ///
    /// Throws `TorchError` for a name or overload that libtorch does not have, for an argument that is missing, of
    /// another type or named wrongly, for a tensor that could not be computed, for what the operator itself refuses, and for
    /// results that this package cannot hold (complex numbers, sparse layouts).
    ///
    /// - Parameters:
    ///   - name: the operator.
    ///   - arguments: the first arguments in their order; whole numbers are taken where fractions are wanted.
    ///   - named: further arguments by name. All others have the schema's defaults.
    /// - Returns: the results in their order; an operator that returns nothing gives an empty list.
    @discardableResult
    public static func call(
        _ name: String, _ arguments: OperatorArgument..., named: [String: OperatorArgument] = [:]
    ) throws(TorchError) -> [OperatorResult] {
        let found = try FoundOperator(name)
        let all = try found.placing(arguments, named: named)
        for argument in all { if let failure = argument.failure { throw failure } }
        let encoded = EncodedArguments(all)
        let made = withExtendedLifetime(all) {
            encoded.withElements { ct_invoke(found.handle, $0, Int64(all.count), $1) }
        }
        guard let made else { throw .kept(during: name) }
        defer { ct_results_release(made) }
        return (0..<ct_results_count(made)).map { OperatorResult(made, $0) }
    }
}

/// An operator that was found by the name that a user gave.
private struct FoundOperator: ~Copyable {
    let handle: ct_operator
    private let text: String

    /// Finds `namespace::name.overload`; without a namespace it is `aten`.
    init(_ text: String) throws(TorchError) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let name = parts[0].contains("::") ? parts[0] : "aten::" + parts[0]
        guard let found = ct_operator_named(name, parts.count > 1 ? parts[1] : "") else { throw .kept() }
        handle = found
        self.text = text
    }

    deinit { ct_operator_release(handle) }

    /// The arguments in the schema's order.
    func placing(
        _ arguments: [OperatorArgument], named: [String: OperatorArgument]
    ) throws(TorchError) -> [OperatorArgument] {
        if named.isEmpty { return arguments }
        let names = (0..<ct_operator_argument_count(handle)).map {
            String(cString: ct_operator_argument_name(handle, $0))
        }
        var all = arguments
        for (name, argument) in named.sorted(by: { $0.key < $1.key }) {
            guard let place = names.firstIndex(of: name) else {
                throw TorchError(
                    message: "\(text): there is no argument \(name); it has \(names.joined(separator: ", "))")
            }
            if place < arguments.count {
                throw TorchError(
                    message: "\(text): the argument \(name) is given by its place and by its name")
            }
            while all.count <= place { all.append(.default) }
            all[place] = argument
        }
        return all
    }
}

extension OperatorResult {
    fileprivate init(_ results: ct_results, _ number: Int64) {
        let length = ct_results_length(results, number)
        func tensor(_ position: Int64) -> Tensor? {
            ct_results_tensor(results, number, position).map { Tensor(owning: $0) }
        }
        func integer(_ position: Int64) -> Int { Int(ct_results_integer(results, number, position)) }
        func real(_ position: Int64) -> Double { ct_results_real(results, number, position) }
        self =
            switch ct_results_kind(results, number) {
            case CT_TENSOR: tensor(0).map { .tensor($0) } ?? .none
            case CT_TENSORS: .tensors((0..<length).map(tensor))
            case CT_INTEGER: .integer(integer(0))
            case CT_INTEGERS: .integers((0..<length).map(integer))
            case CT_REAL: .real(real(0))
            case CT_REALS: .reals((0..<length).map(real))
            case CT_BOOLEAN: .boolean(integer(0) != 0)
            case CT_BOOLEANS: .booleans((0..<length).map { integer($0) != 0 })
            case CT_STRING: .string(String(cString: ct_results_text(results, number)))
            default: .none
            }
    }
}
