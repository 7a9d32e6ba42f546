import Testing
import Torch

/// Operators of the engine by name.
@Suite struct OperatorCallTests {
    let x = Tensor([3, 1, 2] as [Double])

    @Test func argumentsAndResultsOfEveryKind() throws {
        let top = try Tensor.call("aten::topk", .tensor(x), 2)
        #expect(
            try top[0].tensor.scalars(as: Double.self) == [3, 2]
                && top[1].tensor.scalars(as: Int64.self) == [0, 2])
        let sum = try Tensor.call("add.Tensor", .tensor(x), .tensor(x), named: ["alpha": 0.5])[0].tensor
        #expect(try sum.scalars(as: Double.self) == [4.5, 1.5, 3])
        let cut = try Tensor.call("aten::clamp", .tensor(x), nil, 2)[0].tensor
        #expect(try cut.scalars(as: Double.self) == [2, 1, 2])
        let joined = try Tensor.call("aten::cat", .tensors([x, x]), named: ["dim": 0])[0].tensor
        #expect(joined.shape == [6])
        let picked = try Tensor.call(
            "aten::index.Tensor", .tensor(x.reshaped([1, 3])),
            .optionalTensors([nil, Tensor([2] as [Int64])]))
        #expect(try picked[0].tensor.scalars(as: Double.self) == [2])
        let parts = try Tensor.call("aten::split.Tensor", .tensor(x), 2)
        guard case .tensors(let pieces) = parts[0] else { return #expect(Bool(false)) }
        #expect(pieces.map { $0?.shape } == [[2], [1]])
        // A number stands for a list of known length.
        let pooled = try Tensor.call("aten::max_pool2d", .tensor(.ones([1, 1, 4, 4])), 2)[0].tensor
        #expect(pooled.shape == [1, 1, 2, 2])
        let filled = try Tensor.call(
            "aten::full", [2, 2], true, named: ["dtype": .dtype(.int32), "device": .device(.cpu)])
        #expect(
            try filled[0].tensor.dtype == .int32 && filled[0].tensor.scalars(as: Int32.self) == [1, 1, 1, 1])
        let curve = try Tensor.call("aten::gelu", .tensor(x), named: ["approximate": "tanh"])[0].tensor
        #expect(try curve.isAllClose(to: x.geluTanh()))
        if case .boolean(let same) = try Tensor.call("aten::equal", .tensor(x), .tensor(x))[0] {
            #expect(same)
        }
        if case .real(let value) = try Tensor.call("aten::item", .tensor(x[0]))[0] { #expect(value == 3) }
        let drawn = try Tensor.call("aten::rand", [3], named: ["dtype": .dtype(.float64)])[0].tensor
        #expect(drawn.shape == [3])
        let image = Tensor.ones([1, 1, 2, 2])
        let wider = try Tensor.call(
            "aten::upsample_nearest2d.vec", .tensor(image), nil, .reals([2, 1.5]))[0].tensor
        #expect(wider.shape == [1, 1, 4, 3])
        let changed = Tensor.zeros([2])
        try Tensor.call("aten::add_.Scalar", .tensor(changed), 2)
        #expect(try changed.scalars(as: Double.self) == [2, 2])
        let w = try Tensor([2.0]).requiringGradient()
        let slope = try gradients(
            of: Tensor.call("aten::sinc", .tensor(w))[0].tensor.sum(), withRespectTo: [w])
        #expect(try abs((slope[0]?.item() ?? 0) - 0.5) < 1e-12)
    }

    static var mistakes: [(String, [OperatorArgument], [String: OperatorArgument], String)] {
        [
            ("aten::no_such", [], [:], "libtorch has no operator aten::no_such"),
            ("no_such", [], [:], "libtorch has no operator aten::no_such"),
            (
                "aten::add.Nothing", [], [:],
                "the operator aten::add has no overload Nothing; there are aten::add"
            ),
            ("aten::topk", [.tensor(Tensor([1.0]))], [:], "aten::topk: the argument k, int, is missing"),
            (
                "aten::topk", [.tensor(Tensor([1.0])), "two"], [:],
                "aten::topk: the argument k must be int, not a string"
            ),
            ("aten::relu", [1], [:], "aten::relu: the argument self must be Tensor, not an integer"),
            ("aten::relu", [nil], [:], "aten::relu: the argument self must be Tensor, not nothing"),
            ("aten::sum", [.tensor(Tensor([1.0])), 0.5], [:], "aten::sum: the argument dtype must be "),
            (
                "aten::relu", [.tensor(Tensor([1.0])), 1], [:],
                "aten::relu: 2 arguments are given, and it takes 1"
            ),
            (
                "aten::relu", [.tensor(Tensor([1.0]))], ["slope": 1],
                "aten::relu: there is no argument slope; it has self"
            ),
            (
                "aten::relu", [.tensor(Tensor([1.0]))], ["self": 1],
                "aten::relu: the argument self is given by its place and"
            ),
            (
                "aten::cat", [.optionalTensors([nil])], [:],
                "aten::cat: the argument tensors has no tensor at position 0"
            ),
            (
                "aten::fft_rfft", [.tensor(Tensor([1.0]))], [:],
                "aten::fft_rfft: a result has elements of type ComplexDouble"
            ),
            (
                "aten::to_sparse", [.tensor(Tensor([1.0]))], [:],
                "aten::to_sparse: a result has the layout Sparse"
            ),
            ("aten::mm", [.tensor(.ones([2])), .tensor(.ones([2]))], [:], "aten::mm: "),
            ("aten::relu", [.tensor(Tensor(failed: TorchError(message: "before")))], [:], "before"),
            ("", [], [:], "libtorch has no operator aten::"),
        ]
    }

    @Test(arguments: mistakes.indices) func mistakesAreNamed(_ number: Int) throws {
        let (name, arguments, named, reason) = Self.mistakes[number]
        let error = #expect(throws: TorchError.self) {
            switch arguments.count {
            case 0: try Tensor.call(name, named: named)
            case 1: try Tensor.call(name, arguments[0], named: named)
            default: try Tensor.call(name, arguments[0], arguments[1], named: named)
            }
        }
        #expect(error?.message.hasPrefix(reason) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }
}
