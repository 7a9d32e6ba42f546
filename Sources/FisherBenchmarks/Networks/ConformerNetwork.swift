import Fisher

extension StepNetwork {
    /// The tiny Conformer with connectionist temporal classification: 80 features, 64 wide, 3 blocks, 32 classes, on
    /// utterances of 200 frames with 12 labels.
    public static let conformer = StepNetwork(
        "conformer", "80 features, width 64, 3 blocks, 200 frames", unit: "utterance", usualBatch: 16
    ) { count in
        let (frames, classes, length) = (200, 32, 12)
        // The largest activation is the first convolution's.
        let generator = try generator(forBatch: count, unitBytes: 4 * 16 * (frames / 2) * 40)
        let configuration = Conformer.Configuration.tiny(classes: classes)
        let model = Conformer(configuration, using: generator)
        let batch = UtteranceBatch(
            features: .normal([count, frames, configuration.mels], using: generator),
            frameCounts: Array(repeating: frames, count: count),
            labels: LabelSequences(
                (0..<count).map { number in (0..<length).map { 1 + (7 * $0 + number) % (classes - 1) } }))
        return StepSubject(model, on: batch) { batch in
            let (logits, counts) = model.logits(features: batch.features, frameCounts: batch.frameCounts)
            return try Objective(
                ConnectionistTemporal(logits: logits, frameCounts: counts), observing: batch.labels)
        }
    }
}

/// Synthetic utterances.
private struct UtteranceBatch: SliceableBatch {
    let features: Tensor
    let frameCounts: [Int]
    let labels: LabelSequences

    var unitCount: Int { frameCounts.count }

    func slice(_ range: Range<Int>) -> UtteranceBatch {
        UtteranceBatch(
            features: features.narrowed(0, from: range.lowerBound, length: range.count),
            frameCounts: Array(frameCounts[range]), labels: labels.slice(range))
    }
}
