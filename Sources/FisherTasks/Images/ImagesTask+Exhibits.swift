import Fisher
import FisherMedia
import FisherTraining
import Foundation

extension ImagesTask {
    /// The classes that a network gives to the held-out images, with the probability of each.
    private func predictions(of model: Sequential) throws -> [ClassPrediction] {
        var found: [ClassPrediction] = []
        for first in stride(from: 0, to: heldOut.count, by: 256) {
            try Interruption.poll()
            let part = try heldOutBatch(first..<min(first + 256, heldOut.count))
            found += try ClassPrediction.of(model(part.inputs))
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
        let table = ClassPrediction.confusions(
            predictions, heldOut.labels, heldOut.classNames, unit: "images")
        return try table.map { [.table($0), try misread(predictions, wrong)] } ?? []
    }

    /// Rows by the class that was read, at most 10 of 8 images.
    private func misread(
        _ predictions: [ClassPrediction], _ wrong: [Int]
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
