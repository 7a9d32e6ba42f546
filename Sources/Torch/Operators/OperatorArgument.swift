import CTorch

/// An argument of an operator of libtorch that is called by its name, see ``Tensor/call(_:_:named:)``.
///
/// Literals of integers, fractions, booleans, strings, lists of integers and `nil` are arguments.
public enum OperatorArgument {
    /// The default that the operator's schema has.
    case `default`
    /// No value, for an argument that may be left out.
    case none
    /// A tensor.
    case tensor(Tensor)
    /// A tensor, or no value.
    case optional(Tensor?)
    /// A list of tensors.
    case tensors([Tensor])
    /// A list of tensors in which some may be missing, such as the indices of `aten::index.Tensor`.
    case optionalTensors([Tensor?])
    /// A whole number.
    case integer(Int)
    /// A list of whole numbers, such as a shape.
    case integers([Int])
    /// A number.
    case real(Double)
    /// A list of numbers.
    case reals([Double])
    /// A truth value.
    case boolean(Bool)
    /// A list of truth values.
    case booleans([Bool])
    /// A text, such as the name of a reduction.
    case string(String)
    /// A type of elements.
    case dtype(DType)
    /// A device.
    case device(Device)
    /// A source of random numbers.
    case generator(RandomGenerator)
}

extension OperatorArgument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .real(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A list of whole numbers.
    public init(arrayLiteral elements: Int...) { self = .integers(elements) }
    /// No value.
    public init(nilLiteral: ()) { self = .none }
}

extension OperatorArgument {
    /// The first failure among the tensors of this argument.
    var failure: TorchError? {
        switch self {
        case .tensor(let tensor): tensor.failure
        case .optional(let tensor): tensor?.failure
        case .tensors(let tensors): tensors.lazy.compactMap(\.failure).first
        case .optionalTensors(let tensors): tensors.lazy.compactMap { $0?.failure }.first
        default: nil
        }
    }
}

/// The arguments of one call in their C form; lists and strings lie in buffers of the call. None of their tensors may be a
/// failed one, and the arguments must outlive the call.
struct EncodedArguments {
    private var values: [ct_value] = []
    private var integers: [Int64] = []
    private var reals: [Double] = []
    private var text: [CChar] = []
    private var tensors: [ct_tensor?] = []

    init(_ arguments: [OperatorArgument]) {
        values.reserveCapacity(arguments.count)
        for argument in arguments { append(argument) }
    }

    /// Passes the values and their elements to a function.
    func withElements<Result>(
        _ body: (UnsafePointer<ct_value>?, UnsafePointer<ct_elements>) -> Result
    ) -> Result {
        integers.withUnsafeBufferPointer { integers in
            reals.withUnsafeBufferPointer { reals in
                text.withUnsafeBufferPointer { text in
                    tensors.withUnsafeBufferPointer { tensors in
                        var elements = ct_elements(
                            integers: integers.baseAddress, reals: reals.baseAddress, text: text.baseAddress,
                            tensors: tensors.baseAddress)
                        return values.withUnsafeBufferPointer { body($0.baseAddress, &elements) }
                    }
                }
            }
        }
    }

    private mutating func append(_ argument: OperatorArgument) {
        var value = ct_value(kind: CT_NONE, integer: 0, count: 0, real: 0, pointer: nil)
        func list(_ kind: ct_kind, from first: Int, _ count: Int) {
            value.kind = kind
            value.integer = Int64(first)
            value.count = Int64(count)
        }
        switch argument {
        case .default: value.kind = CT_DEFAULT
        case .none, .optional(nil): break
        case .tensor(let tensor), .optional(.some(let tensor)):
            value.kind = CT_TENSOR
            value.pointer = UnsafeRawPointer(tensor.handle)
        case .tensors(let found):
            list(CT_TENSORS, from: tensors.count, found.count)
            tensors.append(contentsOf: found.map(\.handle))
        case .optionalTensors(let found):
            list(CT_TENSORS, from: tensors.count, found.count)
            tensors.append(contentsOf: found.map { $0?.handle })
        case .integer(let number):
            value.kind = CT_INTEGER
            value.integer = Int64(number)
        case .integers(let found):
            list(CT_INTEGERS, from: integers.count, found.count)
            integers.append(contentsOf: found.map(Int64.init))
        case .real(let number):
            value.kind = CT_REAL
            value.real = number
        case .reals(let found):
            list(CT_REALS, from: reals.count, found.count)
            reals.append(contentsOf: found)
        case .boolean(let flag):
            value.kind = CT_BOOLEAN
            value.integer = flag ? 1 : 0
        case .booleans(let found):
            list(CT_BOOLEANS, from: integers.count, found.count)
            integers.append(contentsOf: found.map { $0 ? 1 : 0 })
        case .string(let found):
            list(CT_STRING, from: text.count, found.utf8.count)
            text.append(contentsOf: found.utf8.map { CChar(bitPattern: $0) })
        case .dtype(let dtype):
            value.kind = CT_INTEGER
            value.integer = Int64(dtype.rawValue)
        case .device(let device):
            value.kind = CT_DEVICE
            value.integer = Int64(device.code.type)
            value.count = Int64(device.code.index)
        case .generator(let generator):
            value.kind = CT_GENERATOR
            value.pointer = UnsafeRawPointer(generator.handle)
        }
        values.append(value)
    }
}
