import Fisher
import FisherTraining
import Foundation

/// The class that a network gives to a sample.
struct ClassPrediction {
    /// Its number.
    let label: Int
    /// Its probability.
    let probability: Double

    /// The likeliest classes of rows of logits [samples, classes].
    static func of(_ logits: Tensor) throws -> [ClassPrediction] {
        let rows = try logits.softmax(along: -1).scalars(as: Double.self)
        let classes = max(logits.shape.last ?? 1, 1)
        return stride(from: 0, to: rows.count, by: classes).map { start in
            let own = rows[start..<start + classes]
            let best = own.indices.max { own[$0] < own[$1] } ?? start
            return ClassPrediction(label: best - start, probability: rows[best])
        }
    }

    /// The pairs of classes that are confused most often, at most 10; nil if none is.
    static func confusions(
        _ predictions: [ClassPrediction], _ labels: [Int], _ names: [String], unit: String
    ) -> ExhibitTable? {
        let wrong = predictions.indices.filter { predictions[$0].label != labels[$0] }
        if wrong.isEmpty { return nil }
        var counts: [[Int]: Int] = [:]
        for index in wrong { counts[[labels[index], predictions[index].label], default: 0] += 1 }
        let sizes = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
        let most = counts.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }
            .prefix(10)
        return ExhibitTable(
            title: "Classes confused most often",
            caption: "\(wrong.count) of \(labels.count) held-out \(unit) are misread.",
            columns: ["class", "read as", unit, "share of the class"],
            rows: most.map { pair, count in
                let share = 100 * Double(count) / Double(sizes[pair[0]] ?? 1)
                return [
                    names[pair[0]], names[pair[1]], "\(count)", String(format: "%.1f %%", share),
                ]
            })
    }
}
