import FisherInformation
import Foundation
import Torch

extension ConnectionistTemporal {
    /// The labels of each utterance's most probable alignment: the most probable class of every frame.
    ///
    /// Other labels may be more probable, because theirs is the sum over many alignments. Throws the model's failure.
    public func greedyLabels() throws(TorchError) -> LabelSequences {
        try logits.check()
        guard logits.count > 0 else { return LabelSequences(frameCounts.map { _ in [] }) }
        let classes = try logits.detached().indexOfMaximum(along: -1).scalars(as: Int64.self)
        let frames = logits.shape[1]
        return LabelSequences(
            frameCounts.enumerated().map { number, count in
                Self.collapsed(classes[number * frames..<number * frames + count].lazy.map { Int($0) })
            })
    }

    /// The most probable label sequences of each utterance by prefix beam search (Hannun et al. 2014), in descending
    /// order, without a language model.
    ///
    /// The alignments of equal labels are merged exactly: those that end in a blank and those that end in the last label
    /// are counted apart, because a repetition continues the latter only. With a width that holds all prefixes the
    /// probabilities are those of the likelihood. Costs frames times width times classes, after one softmax. Throws the
    /// model's failure.
    ///
    /// - Parameter width: the number of prefixes kept after each frame.
    public func hypotheses(width: Int) throws(TorchError) -> [[Hypothesis]] {
        precondition(width > 0, "a beam has a width")
        try logits.check()
        let (frames, classes) = (logits.shape[1], logits.shape[2])
        let scores = try logits.detached().widened.logSoftmax(along: -1).to(dtype: .float64)
            .contiguous().scalars(as: Double.self)
        return frameCounts.enumerated().map { number, count in
            Self.search(width: width, frames: count, classes: classes) { frame, label in
                scores[(number * frames + frame) * classes + label]
            }
        }
    }

    /// The log probabilities of a prefix's alignments that end in a blank, and in its last label.
    private struct Ends {
        var blank = -Double.infinity
        var label = -Double.infinity
        var total: Double { logSum(blank, label) }
    }

    private static func search(
        width: Int, frames: Int, classes: Int, _ score: (_ frame: Int, _ label: Int) -> Double
    ) -> [Hypothesis] {
        var beam: [[Int]: Ends] = [[]: Ends(blank: 0)]
        for frame in 0..<frames {
            var next: [[Int]: Ends] = [:]
            for (prefix, ends) in beam {
                let total = ends.total
                next[prefix, default: Ends()].blank = logSum(
                    next[prefix]?.blank ?? -.infinity, total + score(frame, 0))
                if let last = prefix.last {
                    next[prefix, default: Ends()].label = logSum(
                        next[prefix]?.label ?? -.infinity, ends.label + score(frame, last))
                }
                for label in 1..<classes {
                    let before = label == prefix.last ? ends.blank : total
                    if before == -.infinity { continue }
                    let longer = prefix + [label]
                    next[longer, default: Ends()].label = logSum(
                        next[longer]?.label ?? -.infinity, before + score(frame, label))
                }
            }
            let kept = next.map { Hypothesis(labels: $0, logProbability: $1.total) }.best(width)
            beam = Dictionary(uniqueKeysWithValues: kept.map { ($0.labels, next[$0.labels] ?? Ends()) })
        }
        return beam.map { Hypothesis(labels: $0, logProbability: $1.total) }.best(width)
    }
}
