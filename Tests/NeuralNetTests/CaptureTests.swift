import NeuralNet
import Testing
import Torch

/// What layers tell a recorder: every use, with the very input and output.
@Suite struct CaptureTests {
    final class Recorder: CaptureRecorder {
        var uses: [(path: String, input: Tensor, output: Tensor)] = []
        func record(layer path: ParameterPath, input: Tensor, output: Tensor) {
            uses.append(("\(path)", input, output))
        }
    }

    static func layers() throws -> [(name: String, layer: any UnaryLayer, input: [Int])] {
        let generator = try RandomGenerator(seed: 1)
        return [
            ("linear", Linear(3, 2, dtype: .float64, using: generator), [4, 3]),
            ("conv1d", Conv1d(3, 2, kernel: 2, dtype: .float64, using: generator), [4, 3, 5]),
            ("conv2d", Conv2d(3, 2, kernel: 2, dtype: .float64, using: generator), [4, 3, 5, 5]),
            ("layerNorm", LayerNorm(3, dtype: .float64), [4, 3]),
            ("groupNorm", GroupNorm(groups: 1, channels: 3, dtype: .float64), [4, 3, 2]),
            ("batchNorm", BatchNorm(3, dtype: .float64), [4, 3, 2]),
        ]
    }

    @Test func everyLayerRecordsItsInputAndOutput() throws {
        for (name, layer, shape) in try Self.layers() {
            let network = Sequential(Tanh(), layer)
            let input = Tensor.normal(shape, dtype: .float64, using: try RandomGenerator(seed: 2))
            let recorder = Recorder()
            let output = network.capturing(by: recorder) { network(input) }
            #expect(recorder.uses.map(\.path) == ["1"], "\(name)")
            let use = try #require(recorder.uses.first)
            #expect(use.output === output, "\(name)")
            let seen: [Double] = try use.input.scalars()
            #expect(try seen == input.tanh().scalars(), "\(name)")
            // The weights of the layer get their gradient through the recorded output.
            let loss = output.squared().sum()
            let found = try gradients(of: loss, withRespectTo: [use.output])
            let slope: [Double] = try #require(found[0]).scalars()
            #expect(try slope == (output.detached() * 2).scalars(), "\(name)")
        }
    }

    @Test func aLayerAtTwoPositionsIsRecordedTwiceUnderItsFirstPath() throws {
        let twice = Linear(3, 3, dtype: .float64, using: try RandomGenerator(seed: 1))
        let network = Sequential(twice, ReLU(), twice)
        let recorder = Recorder()
        let output = network.capturing(by: recorder) { network(.ones([2, 3], dtype: .float64)) }
        #expect(recorder.uses.map(\.path) == ["0", "0"])
        #expect(recorder.uses.last?.output === output)
        #expect(network.parameters.map { "\($0.path)" } == ["0.weight", "0.bias"])
    }

    @Test func theMapsOfAnLSTMAreRecordedApart() throws {
        let layer = LSTM(3, 2, dtype: .float64, using: try RandomGenerator(seed: 1))
        let input = Tensor.normal([4, 5, 3], dtype: .float64, using: try RandomGenerator(seed: 2))
        let recorder = Recorder()
        let output = layer.capturing(by: recorder) { layer(input) }
        #expect(recorder.uses.map(\.path) == ["inputMap"] + Array(repeating: "recurrentMap", count: 5))
        try #require(recorder.uses.count == 6)
        #expect(recorder.uses[0].output.shape == [4, 5, 8])
        // The recurrent map sees zeros first, then the hidden states.
        #expect(try recorder.uses[1].input.scalars(as: Double.self).allSatisfy { $0 == 0 })
        let seen: [Double] = try recorder.uses[3].input.scalars()
        #expect(try seen == output.selecting(1, 1).scalars())
    }

    @Test func anLSTMGoesOnFromItsState() throws {
        let layer = LSTM(3, 2, dtype: .float64, using: try RandomGenerator(seed: 1))
        let input = Tensor.normal([4, 5, 3], dtype: .float64, using: try RandomGenerator(seed: 2))
        let whole: [Double] = try layer(input).scalars()
        let first = layer.run(input.narrowed(1, from: 0, length: 2), from: nil)
        let second = layer.run(input.narrowed(1, from: 2, length: 3), from: first.state)
        let joined: [Double] = try Tensor.concatenated([first.output, second.output], along: 1).scalars()
        #expect(zip(whole, joined).allSatisfy { abs($0 - $1) < 1e-14 })
    }
}
