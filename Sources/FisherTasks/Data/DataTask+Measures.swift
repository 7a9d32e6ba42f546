import Fisher
import FisherTraining
import Foundation

extension DataTask {
    /// The outputs of a network for all samples held out, with the targets as they are observed.
    private func predictions(of model: Sequential) throws -> (outputs: Tensor, targets: Tensor) {
        var (outputs, targets): ([Tensor], [Tensor]) = ([], [])
        for first in stride(from: 0, to: heldOut.count, by: 512) {
            try Interruption.poll()
            let part = try heldOut.batch(at: Array(first..<min(first + 512, heldOut.count)))
            outputs.append(model(part.inputs))
            targets.append(part.targets)
        }
        return (.concatenated(outputs), .concatenated(targets))
    }

    private var isClassifier: Bool { !training.preparation.classNames.isEmpty }

    public func measures(of model: Sequential) throws -> [TaskMeasure] {
        try measures(of: model, posterior: nil)
    }

    /// The accuracy and the calibration of classes; of numbers the root of the mean squared error in their unit and the
    /// share of the variance that is explained.
    public func measures(of model: Sequential, posterior: GaussianPosterior?) throws -> [TaskMeasure] {
        let (outputs, targets) = try predictions(of: model)
        guard isClassifier else { return try measures(ofNumbers: outputs, targets) }
        let labels = try targets.scalars(as: Int64.self).map(Int.init)
        let right = zip(try ClassPrediction.of(outputs), labels).count { $0.label == $1 }
        let calibration = try ClassifierCalibration(of: targets, posterior: posterior) {
            // Draws of a posterior change the model between calls.
            try predictions(of: model).outputs.softmax(along: -1)
        }
        return [.accuracy(right, of: labels.count)] + calibration.measures
    }

    private func measures(ofNumbers outputs: Tensor, _ targets: Tensor) throws -> [TaskMeasure] {
        let preparation = training.preparation
        switch specification.likelihood {
        case Bernoulli.name: return try measures(ofShares: outputs.sigmoid(), targets)
        case "gaussian", "gaussian_learned_variance": break
        default: return []
        }
        let isLearned = specification.likelihood == "gaussian_learned_variance"
        let means = isLearned ? outputs.split(into: 2, along: -1)[0] : outputs
        let found = try preparation.original(means).scalars(as: Double.self)
        let wanted = try preparation.original(targets).scalars(as: Double.self)
        let width = max(1, preparation.targetShape.reduce(1, *))
        var measures: [TaskMeasure] = []
        let isNamed = width > 1 && width <= 4 && preparation.targetNames.count == width
        let columns = isNamed || width == 1 ? (0..<width).map { [$0] } : [Array(0..<width)]
        for own in columns {
            var (errors, spread) = (0.0, 0.0)
            for column in own {
                let places = stride(from: column, to: wanted.count, by: width)
                let mean = places.reduce(0) { $0 + wanted[$1] } / Double(heldOut.count)
                for place in places {
                    errors += (found[place] - wanted[place]) * (found[place] - wanted[place])
                    spread += (wanted[place] - mean) * (wanted[place] - mean)
                }
            }
            let suffix = isNamed ? " \(preparation.targetNames[own[0]])" : ""
            let count = Double(heldOut.count * own.count)
            measures.append(TaskMeasure("RMSE" + suffix, (errors / count).squareRoot(), better: .lower))
            if spread > 0 {
                measures.append(TaskMeasure("R2" + suffix, 1 - errors / spread, better: .higher))
            }
        }
        if isLearned { measures.append(try coverage(outputs, targets)) }
        return measures
    }

    /// The share of the numbers that lie in the 95 % intervals of their own predictions.
    private func coverage(_ outputs: Tensor, _ targets: Tensor) throws -> TaskMeasure {
        let parts = outputs.split(into: 2, along: -1)
        let distances = try ((targets - parts[0]) / (parts[1] / 2).exp()).scalars(as: Double.self)
        let inside = distances.count { abs($0) <= 1.959964 }
        return TaskMeasure(
            "coverage error of 95 % intervals",
            100 * abs(Double(inside) / Double(max(1, distances.count)) - 0.95), unit: "%", better: .lower)
    }

    private func measures(ofShares shares: Tensor, _ targets: Tensor) throws -> [TaskMeasure] {
        let (found, wanted) = (try shares.scalars(as: Double.self), try targets.scalars(as: Double.self))
        guard wanted.allSatisfy({ $0 == 0 || $0 == 1 }) else { return [] }
        let hits = zip(found, wanted).map { ($0 > 0.5) == ($1 == 1) }
        let error = CalibrationError.expected(confidences: found.map { max($0, 1 - $0) }, hits: hits)
        return [
            .accuracy(hits.count { $0 }, of: hits.count),
            TaskMeasure("expected calibration error", 100 * error, unit: "%", better: .lower),
        ]
    }

    /// The classes that are confused most often.
    public func exhibits(of model: Sequential) throws -> [TaskExhibit] {
        guard isClassifier else { return [] }
        let (outputs, targets) = try predictions(of: model)
        let found = try ClassPrediction.of(outputs)
        let table = ClassPrediction.confusions(
            found, try targets.scalars(as: Int64.self).map(Int.init), training.preparation.classNames,
            unit: "samples")
        return table.map { [.table($0)] } ?? []
    }
}
