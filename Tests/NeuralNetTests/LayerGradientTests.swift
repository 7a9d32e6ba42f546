import NeuralNet
import Testing
import Torch

/// Gradients of every layer against central finite differences in float64.
@Suite struct LayerGradientTests {
    enum Kind: String, CaseIterable, Sendable {
        case linear, embedding, layerNorm, dropout, attention, rotaryAttention, block, gpt, tiedGPT
        case conv1d, conv2d, groupNorm, batchNormTrained, batchNormEvaluated, lstm, lstmState, network
    }

    /// The layer, and its scalar output: a fixed random projection of what it computes.
    static func make(_ kind: Kind) throws -> (module: any Module, value: () throws -> Tensor) {
        let generator = try RandomGenerator(seed: 5)
        let input = Tensor.normal([2, 3, 4], dtype: .float64, using: generator)
        let numbers = Tensor([1, 0, 3, 2, 2, 1] as [Int64], shape: [2, 3])
        func projected(_ output: Tensor) throws -> Tensor {
            let weights = Tensor.normal(output.shape, dtype: .float64, using: try RandomGenerator(seed: 6))
            return (output * weights).sum()
        }
        let normal = Initializer.normal(standardDeviation: 0.5)
        switch kind {
        case .linear:
            let layer = Linear(4, 5, dtype: .float64, using: generator)
            return (layer, { try projected(layer(input)) })
        case .embedding:
            let layer = Embedding(4, 5, dtype: .float64, using: generator)
            return (layer, { try projected(layer(numbers)) })
        case .layerNorm:
            let layer = LayerNorm(4, dtype: .float64)
            return (layer, { try projected(layer(input)) })
        case .dropout:
            let linear = Linear(4, 4, dtype: .float64, using: generator)
            let layer = Dropout(0.4, using: generator)
            let state = try generator.state()
            return (
                linear,
                {
                    try generator.restore(state)
                    return try projected(layer(linear(input)))
                }
            )
        case .attention:
            let layer = CausalSelfAttention(
                4, heads: 2, weight: normal, outputWeight: normal, dtype: .float64, using: generator)
            return (layer, { try projected(layer(input)) })
        case .rotaryAttention:
            let layer = RotarySelfAttention(4, heads: 2, dtype: .float64, using: generator)
            return (layer, { try projected(layer(input)) })
        case .conv1d:
            let layer = Conv1d(
                3, 4, kernel: 2, stride: 2, padding: 1, dilation: 2, dtype: .float64, using: generator)
            return (layer, { try projected(layer(input)) })
        case .conv2d:
            let layer = Conv2d(
                2, 4, kernel: Size2d(2, 3), stride: Size2d(2, 1), padding: 1, dilation: Size2d(1, 2),
                groups: 2, dtype: .float64, using: generator)
            let image = Tensor.normal([2, 2, 4, 5], dtype: .float64, using: generator)
            return (layer, { try projected(layer(image)) })
        case .groupNorm:
            let layer = GroupNorm(groups: 1, channels: 3, dtype: .float64)
            return (layer, { try projected(layer(input)) })
        case .batchNormTrained, .batchNormEvaluated:
            let linear = Linear(4, 4, dtype: .float64, using: generator)
            let model = Sequential(linear, BatchNorm(3, dtype: .float64))
            model.setTraining(kind == .batchNormTrained)
            return (model, { try projected(model(input)) })
        case .lstm:
            let layer = LSTM(4, 3, dtype: .float64, using: generator)
            return (layer, { try projected(layer(input)) })
        case .lstmState:
            let layer = LSTM(4, 3, dtype: .float64, using: generator)
            let start = LSTM.State(
                hidden: .normal([2, 3], dtype: .float64, using: generator),
                cell: .normal([2, 3], dtype: .float64, using: generator))
            return (
                layer,
                {
                    let (output, state) = layer.run(input, from: start)
                    return try projected(output) + projected(state.cell) + projected(state.hidden)
                }
            )
        case .network:
            // The second layer stands at two positions.
            let twice = Linear(4, 4, dtype: .float64, using: generator)
            let model = Sequential(
                Linear(4, 4, dtype: .float64, using: generator), Tanh(), twice, GELU(), Sigmoid(), twice,
                LayerNorm(4, dtype: .float64), Flatten())
            return (model, { try projected(model(input)) })
        case .block, .gpt, .tiedGPT:
            let model = GPT(
                GPT.Configuration(
                    vocabulary: 5, context: 4, width: 4, layers: kind == .block ? 1 : 2, heads: 2,
                    tiesHead: kind == .tiedGPT), dtype: .float64, using: generator)
            if kind == .block { return (model.blocks[0], { try projected(model.blocks[0](input)) }) }
            return (model, { try projected(model(numbers)) })
        }
    }

    @Test(arguments: Kind.allCases)
    func matchesFiniteDifferences(_ kind: Kind) throws {
        let (module, value) = try Self.make(kind)
        let parameters = module.parameters.filter(\.parameter.isTrainable)
        #expect(!parameters.isEmpty)
        // Away from the symmetric start, where many derivatives vanish.
        let noise = try RandomGenerator(seed: 7)
        for named in parameters {
            let tensor = named.parameter.wrappedValue
            let shift = Tensor.normal(tensor.shape, standardDeviation: 0.3, dtype: .float64, using: noise)
            try named.parameter.assign(tensor.detached() + shift)
        }
        let analytic = try gradients(of: try value(), withRespectTo: parameters.map(\.parameter.wrappedValue))
        for (named, gradient) in zip(parameters, analytic) {
            let start: [Double] = try named.parameter.wrappedValue.scalars()
            let expected: [Double] = try gradient.map { try $0.scalars() } ?? start.map { _ in 0 }
            let shape = named.parameter.wrappedValue.shape
            for k in stride(from: 0, to: start.count, by: max(1, start.count / 12)) {
                func shifted(_ by: Double) throws -> Double {
                    var moved = start
                    moved[k] += by
                    try named.parameter.assign(Tensor(moved, shape: shape))
                    return try value().item()
                }
                let h = 1e-5
                let numeric = (try shifted(h) - shifted(-h)) / (2 * h)
                #expect(abs(numeric - expected[k]) < 1e-7 * max(1, abs(numeric)), "\(named.path)[\(k)]")
            }
            try named.parameter.assign(Tensor(start, shape: shape))
        }
    }
}
