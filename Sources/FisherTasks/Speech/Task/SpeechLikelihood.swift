import Fisher
import FisherInformation

/// What a model says of the labels of utterances.
enum SpeechLikelihood {
    /// By connectionist temporal classification.
    case ctc(ConnectionistTemporal)
    /// By a transducer.
    case transducer(Transducer)

    /// The likelihood of a model's head for features [utterances, frames, bands].
    init(_ model: Conformer, features: Tensor, frameCounts: [Int]) {
        if let network = model.transducer {
            let (encodings, counts) = model.encode(features: features, frameCounts: frameCounts)
            self = .transducer(Transducer(encodings: encodings, frameCounts: counts, network: network))
        } else {
            let (logits, counts) = model.logits(features: features, frameCounts: frameCounts)
            self = .ctc(ConnectionistTemporal(logits: logits, frameCounts: counts))
        }
    }

    /// The objective of labels.
    func objective(observing labels: [[Int]]) throws(TorchError) -> Objective {
        switch self {
        case .ctc(let likelihood): try Objective(likelihood, observing: LabelSequences(labels))
        case .transducer(let likelihood): try Objective(likelihood, observing: LabelSequences(labels))
        }
    }

    /// The labels that are found likeliest: with a beam of 1 from the likeliest class of each frame, else by a search that
    /// keeps so many hypotheses.
    func labels(beam: Int) throws -> [[Int]] {
        switch (self, beam) {
        case (.ctc(let likelihood), 1): try likelihood.greedyLabels().labels
        case (.transducer(let likelihood), 1): try likelihood.greedyLabels().labels
        case (.ctc(let likelihood), _): try likelihood.hypotheses(width: beam).map { $0.first?.labels ?? [] }
        case (.transducer(let likelihood), _):
            try likelihood.hypotheses(width: beam).map { $0.first?.labels ?? [] }
        }
    }
}
