import NeuralNet
import Testing
import Torch

/// Logits of the next token from what is kept of the former ones, against passes over all of them.
@Suite struct NextTokenTests {
    static let configurations: [GPT.Configuration] = {
        let plain = GPT.Configuration(vocabulary: 11, context: 9, width: 12, layers: 2, heads: 3)
        var tied = GPT.Configuration(
            vocabulary: 11, context: 9, width: 8, layers: 3, heads: 1, dropout: 0.5, tiesHead: true)
        tied.scalesAttention = false
        tied.scalesAttentionByLayer = true
        tied.attentionDropout = 0.5
        return [plain, tied]
    }()

    @Test(arguments: configurations, [1, 2, 5, 9])
    func logitsAreThoseOfAPassOverAll(_ configuration: GPT.Configuration, first: Int) throws {
        let model = GPT(configuration, dtype: .float64, using: try RandomGenerator(seed: 3))
        model.setTraining(false)
        let texts = Tensor((0..<18).map { Int64($0 * 7 % 11) }, shape: [2, 9])
        let past = model.emptyPast()
        var read = 0
        while read < 9 {
            let length = read == 0 ? first : 1
            let found = try model.nextLogits(texts.narrowed(1, from: read, length: length), after: past)
            read += length
            #expect(past.count == read)
            let all = model(texts.narrowed(1, from: 0, length: read))
            let expected = all.narrowed(1, from: read - 1, length: 1).flattened(from: 1)
            #expect(found.shape == [2, 11])
            #expect(try GPTParityTests.error(found, expected) < 1e-12)
        }
    }

    @Test func anEmptyPastStartsAnew() throws {
        let model = GPT(Self.configurations[0], using: try RandomGenerator(seed: 3))
        let tokens = Tensor([1, 2, 3].map(Int64.init), shape: [1, 3])
        let (a, b) = (model.emptyPast(), model.emptyPast())
        let first = try model.nextLogits(tokens, after: a).scalars(as: Double.self)
        #expect(try model.nextLogits(tokens, after: b).scalars(as: Double.self) == first)
    }

    @Test func aModelThatFailedThrows() throws {
        let broken = GPT(
            GPT.Configuration(vocabulary: 5, context: 4, width: 5, layers: 1, heads: 2),
            using: try RandomGenerator(seed: 0))
        let past = broken.emptyPast()
        #expect(throws: TorchError.self) {
            try broken.nextLogits(Tensor([Int64(1)], shape: [1, 1]), after: past).check()
        }
    }
}
