import Torch

/// Long short-term memory, one layer, batch first (Hochreiter and Schmidhuber 1997, with forget gates).
///
/// With z = W x_t + b + U h_(t-1) + u, cut into four runs of `width` in PyTorch's order,
///
///     i = sigmoid(z_1)   f = sigmoid(z_2)   g = tanh(z_3)   o = sigmoid(z_4)
///     c_t = f c_(t-1) + i g                 h_t = o tanh(c_t)
///
/// W and U are two `Linear` maps, so that each is captured at a site of its own: the input map once per call,
/// over all positions; the recurrent map once per position. Their tensors have PyTorch's layouts:
///
/// | here | shape | `torch.nn.LSTM` |
/// |---|---|---|
/// | `inputMap.weight` | [4 width, inputs] | `weight_ih_l0` |
/// | `inputMap.bias` | [4 width] | `bias_ih_l0` |
/// | `recurrentMap.weight` | [4 width, width] | `weight_hh_l0` |
/// | `recurrentMap.bias` | [4 width] | `bias_hh_l0` |
public final class LSTM: UnaryLayer {
    /// The state passed from one position to the next.
    public struct State {
        /// The hidden state h, shape [batch, width].
        public var hidden: Tensor
        /// The cell state c, shape [batch, width].
        public var cell: Tensor

        /// Creates a state of a hidden state and a cell state.
        public init(hidden: Tensor, cell: Tensor) {
            self.hidden = hidden
            self.cell = cell
        }
    }

    /// The map of the input to the four gates, W and b.
    public let inputMap: Linear
    /// The map of the hidden state to the four gates, U and u.
    public let recurrentMap: Linear
    /// The width of the hidden state.
    public let width: Int

    /// Draws W and U; b and u start at zero.
    ///
    /// W is drawn by default from U(-a, a) with a = 1 / sqrt(width).
    public init(
        _ inputs: Int, _ width: Int, weight: Initializer? = nil, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let initializer = weight ?? .uniform(bound: 1 / Double(max(width, 1)).squareRoot())
        inputMap =
            inputs > 0 && width > 0
            ? Linear(inputs, 4 * width, weight: initializer, dtype: dtype, using: generator)
            : Linear(failing: "an LSTM of \(inputs) inputs and a width of \(width) has nothing to compute")
        recurrentMap = Linear(width, 4 * width, weight: initializer, dtype: dtype, using: generator)
        self.width = width
    }

    /// The hidden states [batch, positions, width] for an input [batch, positions, inputs], from a state of
    /// zeros.
    public func callAsFunction(_ input: Tensor) -> Tensor { run(input, from: nil).output }

    /// The hidden states [batch, positions, width] for an input [batch, positions, inputs], and the state
    /// after the last position.
    ///
    /// - Parameters:
    ///   - input: the sequences.
    ///   - state: the state before the first position; zeros if nil.
    public func run(_ input: Tensor, from state: State?) -> (output: Tensor, state: State) {
        func failing(_ reason: TorchError) -> (Tensor, State) {
            let failed = Tensor(failed: reason)
            return (failed, State(hidden: failed, cell: failed))
        }
        if let failure = input.failure { return failing(failure) }
        guard input.rank == 3, input.shape[1] > 0 else {
            return failing(TorchError(message: "lstm: \(input.summary) is not [batch, positions, inputs]"))
        }
        // The cell adds up over the positions: never in 8 significant bits.
        let mapped = inputMap(input).widenedInAutocast
        if let failure = mapped.failure { return failing(failure) }
        let start = Tensor.zeros([input.shape[0], width], dtype: mapped.dtype, device: mapped.device)
        var current = state ?? State(hidden: start, cell: start)
        var outputs: [Tensor] = []
        for position in 0..<input.shape[1] {
            let gates = mapped.selecting(1, position) + recurrentMap(current.hidden)
            let parts = gates.split(into: 4, along: 1)
            let cell = parts[1].sigmoid() * current.cell + parts[0].sigmoid() * parts[2].tanh()
            current = State(hidden: parts[3].sigmoid() * cell.tanh(), cell: cell)
            outputs.append(current.hidden)
        }
        return (.stacked(outputs, along: 1), current)
    }
}

extension LSTM {
    /// The description of a layer in JSON: `{"lstm": [in, width]}`, whose hidden states are the output.
    public struct Description: LayerDescription {
        public static let kind = "lstm"
        public static let shortForm = ["in", "width"]
        public static var options: [LayerOption<Self>] {
            [.required("in", \.inputs, .size), .required("width", \.width, .size)]
        }
        var inputs: Int
        var width: Int

        public init() { self.init(inputs: 0, width: 0) }

        /// Describes a layer by its options.
        public init(inputs: Int, width: Int) { (self.inputs, self.width) = (inputs, width) }

        public func check() throws(LayerDescriptionError) {
            try requireElements([4 * width, max(inputs, width)])
        }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringWidth(inputs).requiringRank(3)
            return .ranked([sizes[0], sizes[1], width])
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [
                ("inputMap.weight", [4 * width, inputs]), ("inputMap.bias", [4 * width]),
                ("recurrentMap.weight", [4 * width, width]), ("recurrentMap.bias", [4 * width]),
            ]
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            LSTM(inputs, width, dtype: dtype, using: generator)
        }
    }
}
