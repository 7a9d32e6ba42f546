import Fisher
import FisherMedia
import FisherTraining
import Foundation

extension ImagesTask {
    /// The classes that a network gives to the held-out images, with the probability of each.
    private func predictions(of model: Sequential) throws -> [(label: Int, probability: Double)] {
        var found: [(label: Int, probability: Double)] = []
        for first in stride(from: 0, to: heldOut.count, by: 256) {
            try Interruption.poll()
            let part = try heldOutBatch(first..<min(first + 256, heldOut.count))
            let rows = try model(part.inputs).softmax(along: -1).scalars(as: Double.self)
            let classes = heldOut.classNames.count
            for start in stride(from: 0, to: rows.count, by: classes) {
                let own = rows[start..<start + classes]
                let best = own.indices.max { own[$0] < own[$1] } ?? start
                found.append((best - start, rows[best]))
            }
        }
        return found
    }

    /// The accuracy on the held-out images with its interval (Wilson 1927).
    public func measures(of model: Sequential) throws -> [TaskMeasure] {
        let right = zip(try predictions(of: model), heldOut.labels).count { $0.label == $1 }
        return [.accuracy(right, of: heldOut.count)]
    }

    /// The accuracy and the calibration on the held-out images.
    public func measures(of model: Sequential, posterior: GaussianPosterior?) throws -> [TaskMeasure] {
        let labels = Tensor(heldOut.labels.map(Int64.init))
        let calibration = try ClassifierCalibration(of: labels, posterior: posterior) {
            let rows = try stride(from: 0, to: heldOut.count, by: 256).map { first in
                try Interruption.poll()
                let part = try heldOutBatch(first..<min(first + 256, heldOut.count))
                return model(part.inputs).softmax(along: -1)
            }
            return .concatenated(rows)
        }
        return try measures(of: model) + calibration.measures
    }

    /// The classes that are confused most often, and images that are misread most surely.
    public func exhibits(of model: Sequential) throws -> [TaskExhibit] {
        let predictions = try predictions(of: model)
        let wrong = predictions.indices.filter { predictions[$0].label != heldOut.labels[$0] }
        if wrong.isEmpty { return [] }
        return [confusions(predictions, wrong), try misread(predictions, wrong)]
    }

    private func confusions(
        _ predictions: [(label: Int, probability: Double)], _ wrong: [Int]
    ) -> TaskExhibit {
        var counts: [[Int]: Int] = [:]
        for index in wrong { counts[[heldOut.labels[index], predictions[index].label], default: 0] += 1 }
        let sizes = Dictionary(heldOut.labels.map { ($0, 1) }, uniquingKeysWith: +)
        let most = counts.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }
            .prefix(10)
        return .table(
            ExhibitTable(
                title: "Classes confused most often",
                caption: "\(wrong.count) of \(heldOut.count) held-out images are misread.",
                columns: ["class", "read as", "images", "share of the class"],
                rows: most.map { pair, count in
                    let share = 100 * Double(count) / Double(sizes[pair[0]] ?? 1)
                    return [
                        heldOut.classNames[pair[0]], heldOut.classNames[pair[1]], "\(count)",
                        String(format: "%.1f %%", share),
                    ]
                }))
    }

    /// Rows by the class that was read, at most 10 of 8 images.
    private func misread(
        _ predictions: [(label: Int, probability: Double)], _ wrong: [Int]
    ) throws -> TaskExhibit {
        let surest = wrong.sorted {
            (predictions[$1].probability, $0) < (predictions[$0].probability, $1)
        }
        let byClass = Dictionary(grouping: surest) { predictions[$0].label }
        let shown = byClass.keys.sorted {
            (byClass[$1]?.count ?? 0, $0) < (byClass[$0]?.count ?? 0, $1)
        }.prefix(10).sorted()
        let rows = try shown.map { label in
            try (byClass[label] ?? []).prefix(8).map { index in
                let picture = try heldOut.picture(at: index)
                return RasterImage(
                    width: picture.width, height: picture.height, channels: picture.channels,
                    bytes: picture.bytes)
            }
        }
        return .pictures(
            PictureGrid(
                title: "Misread images",
                caption: "Each row is read as the class that is named, the surest mistakes first.",
                rows: rows, rowTitles: shown.map { heldOut.classNames[$0] }))
    }
}
