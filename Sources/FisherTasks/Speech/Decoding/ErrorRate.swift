import FisherStudies

/// How far transcripts are from their references: substitutions, deletions and insertions, pooled over utterances, by the
/// number of the references' words or characters.
public struct ErrorRate: Sendable, Hashable {
    /// What is counted.
    public enum Unit: String, Sendable, CaseIterable {
        /// Runs of what is not white space.
        case word
        /// Characters, spaces included; runs of white space are one space, none at the ends.
        case character

        /// The units of a text.
        func units(of text: String) -> [String] {
            let words = text.split(whereSeparator: \.isWhitespace)
            switch self {
            case .word: return words.map(String.init)
            case .character: return words.joined(separator: " ").map { String($0) }
            }
        }
    }

    /// The errors of all utterances over the units of all references, by utterance.
    public let ratio: PooledRatio

    /// Counts the errors of each pair of a reference and its transcript.
    public init(of unit: Unit, _ pairs: [(reference: String, transcript: String)]) {
        let counts = pairs.map { pair -> (errors: Double, units: Double) in
            let reference = unit.units(of: pair.reference)
            let edits = Edit.alignment(of: unit.units(of: pair.transcript), to: reference)
            return (Double(edits.count { $0.isError }), Double(reference.count))
        }
        ratio = PooledRatio(numerators: counts.map(\.errors), denominators: counts.map(\.units))
    }

    /// The rate, in per cent: more than 100 if there are more errors than units; nil if all references are empty.
    public var percent: Double? { ratio.value.map { 100 * $0 } }

    /// The 95 % percentile interval of the bootstrap over utterances, in per cent; nil with fewer than two utterances.
    public func interval(seed: UInt64 = 0) -> ClosedRange<Double>? {
        ratio.interval(seed: seed).map { 100 * $0.lowerBound...100 * $0.upperBound }
    }
}

/// A step of the alignment of a transcript to its reference.
public enum Edit: Sendable, Hashable {
    /// The unit is the reference's.
    case match(String)
    /// Another unit stands for the reference's.
    case substitution(reference: String, transcript: String)
    /// A unit of the reference is missing.
    case deletion(String)
    /// A unit has none in the reference.
    case insertion(String)

    /// Whether it counts as an error.
    public var isError: Bool {
        if case .match = self { return false }
        return true
    }

    /// An alignment with the fewest errors (Levenshtein 1966); where several have, the one that prefers substitutions to
    /// deletions, and these to insertions, from the end. Time and memory are the product of both lengths.
    public static func alignment(of transcript: [String], to reference: [String]) -> [Edit] {
        let width = transcript.count + 1
        var costs = [Int](repeating: 0, count: (reference.count + 1) * width)
        for i in 0...reference.count {
            for j in 0...transcript.count {
                let place = i * width + j
                if i == 0 || j == 0 {
                    costs[place] = i + j
                } else {
                    let change = reference[i - 1] == transcript[j - 1] ? 0 : 1
                    costs[place] = min(
                        costs[place - width - 1] + change, costs[place - width] + 1, costs[place - 1] + 1)
                }
            }
        }
        var (i, j) = (reference.count, transcript.count)
        var edits: [Edit] = []
        while i > 0 || j > 0 {
            let cost = costs[i * width + j]
            let isSame = i > 0 && j > 0 && reference[i - 1] == transcript[j - 1]
            if i > 0, j > 0, costs[(i - 1) * width + j - 1] + (isSame ? 0 : 1) == cost {
                edits.append(
                    isSame
                        ? .match(reference[i - 1])
                        : .substitution(reference: reference[i - 1], transcript: transcript[j - 1]))
                (i, j) = (i - 1, j - 1)
            } else if i > 0, costs[(i - 1) * width + j] + 1 == cost {
                edits.append(.deletion(reference[i - 1]))
                i -= 1
            } else {
                edits.append(.insertion(transcript[j - 1]))
                j -= 1
            }
        }
        return edits.reversed()
    }
}
