import Fisher
import FisherTasks
import Testing

@Suite struct LanguageSamplerTests {
    /// The likeliest text, also beyond the context, is that of passes over the last tokens that fit it.
    @Test(arguments: [1, 3, 8, 20]) func theTextIsThatOfPassesOverTheContext(promptCount: Int) throws {
        let model = GPT(
            GPT.Configuration(context: 8, width: 16, layers: 2, heads: 2), dtype: .float64,
            using: try RandomGenerator(seed: 5))
        for parameter in model.parameters.map(\.parameter) {
            try withoutGradients { try parameter.wrappedValue.detached().scale(by: 20) }
        }
        let prompt = (0..<promptCount).map { UInt8(97 + 5 * $0) }
        var expected = prompt
        for _ in 0..<30 {
            let window = expected.suffix(8).map(Int64.init)
            let logits = try withoutGradients {
                model(Tensor(window, shape: [1, window.count])).narrowed(1, from: window.count - 1, length: 1)
            }.flattened().scalars(as: Double.self)
            expected.append(UInt8(logits.indices.max { logits[$0] < logits[$1] }!))
        }
        var found = prompt
        try LanguageSampler(model, temperature: 0)(after: prompt, count: 30) { found.append($0) }
        #expect(found == expected)
        #expect(Set(expected.dropFirst(promptCount)).count > 5)
    }
}
