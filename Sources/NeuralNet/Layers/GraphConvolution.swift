import Torch

/// A graph convolution (Kipf and Welling 2017), one graph a sample.
///
/// With the adjacency matrix A of a graph, its nodes' vectors H and the degrees d = 1 + A 1,
///
///     y = D^(-1/2) (A + I) D^(-1/2) H W^T + b,   D = diag(d)
///
/// A sample holds A beside H, a row for each node: [nodes, nodes + inputs]. So graphs are tensors like all inputs, a batch has
/// graphs of one size, and the samples of a batch are independent. Elements of A are weights of edges, at least 0; a rectifier
/// leaves them as they are.
///
/// The map is a `Linear`, captured at a site of its own, over the nodes as positions.
public final class GraphConvolution: UnaryLayer {
    /// The map of the neighborhoods' means, W and b.
    public let map: Linear
    /// Whether the output holds the graph too, for another graph convolution.
    public let keepsGraph: Bool

    /// Draws the map; its bias starts at zero.
    ///
    /// - Parameters:
    ///   - inputs: the size of a node's vector.
    ///   - outputs: the size of a node's vector in the output.
    ///   - keepsGraph: whether the output holds the graph too, for another graph convolution.
    ///   - dtype: the type of the parameters.
    ///   - generator: the generator of the numbers.
    public init(
        _ inputs: Int, _ outputs: Int, keepsGraph: Bool = false, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        map = Linear(inputs, outputs, dtype: dtype, using: generator)
        self.keepsGraph = keepsGraph
    }

    /// The nodes' vectors [batch, nodes, outputs] for graphs [batch, nodes, nodes + inputs]; with the graph
    /// [batch, nodes, nodes + outputs].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        if input.failure != nil { return input }
        guard input.rank == 3, input.shape[2] > input.shape[1] else {
            return Tensor(
                failed: TorchError(
                    message: "graph_convolution: \(input.summary) is not [batch, nodes, nodes + inputs]"))
        }
        let (nodes, width) = (input.shape[1], input.shape[2])
        let graph = input.narrowed(2, from: 0, length: nodes)
        let roots = (graph.sum(along: 2) + 1).squareRoot().unsqueezed(2)
        let scaled = input.narrowed(2, from: nodes, length: width - nodes) / roots
        let output = map((graph.matmul(scaled) + scaled) / roots)
        return keepsGraph ? .concatenated([graph, output], along: 2) : output
    }
}

extension GraphConvolution {
    /// The description of a layer in JSON: `{"graph_convolution": [in, out]}`.
    public struct Description: LayerDescription {
        public static let kind = "graph_convolution"
        public static let shortForm = ["in", "out"]
        public static var options: [LayerOption<Self>] {
            [
                .required("in", \.inputs, .size), .required("out", \.outputs, .size),
                .optional("keep_graph", \.keepsGraph, .flag),
            ]
        }
        var inputs: Int
        var outputs: Int
        var keepsGraph: Bool

        public init() { self.init(inputs: 0, outputs: 0) }

        /// Describes a layer by its options.
        public init(inputs: Int, outputs: Int, keepsGraph: Bool = false) {
            (self.inputs, self.outputs, self.keepsGraph) = (inputs, outputs, keepsGraph)
        }

        public func check() throws(LayerDescriptionError) { try requireElements([outputs, inputs]) }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let sizes = try input.requiringRank(3)
            if let nodes = sizes[1], let width = sizes[2], width - nodes != inputs {
                throw LayerDescriptionError(
                    "takes graphs of \(nodes) nodes as rows of \(nodes) + \(inputs) numbers, but is given rows of \(width)"
                )
            }
            return .ranked([sizes[0], sizes[1], keepsGraph ? sizes[1].map { $0 + outputs } : outputs])
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [("map.weight", [outputs, inputs]), ("map.bias", [outputs])]
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            GraphConvolution(inputs, outputs, keepsGraph: keepsGraph, dtype: dtype, using: generator)
        }
    }
}
