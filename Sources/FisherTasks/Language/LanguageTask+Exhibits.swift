import Fisher
import FisherTraining

extension LanguageTask {
    /// How three held-out texts go on: beginnings of 32 bytes, and what the model writes after them.
    ///
    /// As many bytes are drawn as an evaluation has contexts, at most 120 a text, so that the samples cost less than an
    /// evaluation; and no more than the context has room for, where a byte costs no pass over it, or 60. They are drawn by a
    /// generator of their own from one seed, the same for all runs.
    public func exhibits(of model: GPT) throws -> [TaskExhibit] {
        let (texts, beginning) = (min(3, windows.count), 32)
        let room = max(60, model.configuration.context - beginning)
        let length = min(120, windows.count / max(texts, 1), room)
        guard texts > 0, length >= 8 else { return [] }
        let rows = try (0..<texts).map { number -> [String] in
            let first = windows[number * windows.count / texts]
            let prompt = Array(corpus.validation[first..<min(first + beginning, corpus.validation.count)])
            let sampler = try LanguageSampler(
                model, temperature: Self.sampleTemperature, seed: UInt64(number))
            var text: [UInt8] = []
            try sampler(after: prompt, count: length) { text.append($0) }
            return [prompt, text].map { String(decoding: $0, as: UTF8.self) }
        }
        return [
            .table(
                ExhibitTable(
                    title: "Samples of text",
                    caption:
                        "Held-out beginnings, and what the model writes after them, drawn at the temperature "
                        + "\(Self.sampleTemperature); equal for all runs but for the weights.",
                    columns: ["held-out beginning", "continued by the model"], rows: rows))
        ]
    }

    private static var sampleTemperature: Double { 0.8 }
}
