import Fisher
import FisherTraining
import Foundation

// What a finished run is judged by besides its loss, and what its page shows.
extension VectorQuantizedTask {
    package func measures(of model: VectorQuantizedAutoencoder) throws -> [TaskMeasure] {
        var bits: [Double] = []
        var uses = [Int](repeating: 0, count: configuration.codes)
        var (own, reconstructed): ([Tensor], [Tensor]) = ([], [])
        try forEachBatch(of: 0..<evaluated.count) { batch in
            let made = model(batch.inputs)
            let distribution = try pixels.distribution(of: made.outputs)
            let mass = distribution.mass(of: batch.targets, among: pixels.levels)
            bits += try (mass.flattened(from: 1).mean(along: 1) / log(2)).scalars(as: Double.self)
            for code in try made.quantized.codes.flattened().scalars(as: Int64.self) { uses[Int(code)] += 1 }
            guard let features else { return }
            own.append(try features(batch.inputs))
            reconstructed.append(try features(distribution.intensities(among: pixels.levels)))
        }
        let mean = bits.reduce(0, +) / Double(bits.count)
        let squares = bits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let error = 1.96 * (squares / Double(max(bits.count - 1, 1)) / Double(bits.count)).squareRoot()
        var found = [
            TaskMeasure(
                "bits a dimension", mean, interval: mean - error...mean + error, better: .lower)
        ]
        if features != nil {
            let estimate = try FrechetEstimate(
                of: .concatenated(reconstructed), from: .concatenated(own), isPaired: true)
            found.append(
                TaskMeasure(
                    "Frechet distance of reconstructions", estimate.distance, interval: estimate.interval,
                    better: .lower))
        }
        let total = Double(uses.reduce(0, +))
        let entropy = uses.reduce(0.0) { sum, count in
            count == 0 ? sum : sum - Double(count) / total * log(Double(count) / total)
        }
        return found + [
            TaskMeasure("codebook perplexity", exp(entropy), better: .higher),
            TaskMeasure("codes in use", Double(uses.count { $0 > 0 }), better: .higher),
        ]
    }

    package func exhibits(of model: VectorQuantizedAutoencoder) throws -> [TaskExhibit] {
        let count = min(12, evaluated.count)
        let batch = try heldOut.batch(at: (0..<count).map { evaluated[$0 * evaluated.count / count] })
        let outputs = model(batch.inputs).outputs
        let rebuilt = try pixels.distribution(of: outputs).intensities(among: pixels.levels)
        return [
            .pictures(
                PictureGrid(
                    title: "Reconstructions",
                    caption: "Held-out images, and what the decoder expects of their codes: an image is "
                        + "\(configuration.rows) by \(configuration.columns) codes of \(configuration.codes).",
                    rows: [try batch.inputs.rasterImages(), try rebuilt.rasterImages()],
                    rowTitles: ["original", "reconstruction"]))
        ]
    }
}

extension Tensor {
    /// Intensities [images, channels, height, width] in [0, 1] as pictures.
    func rasterImages() throws -> [RasterImage] {
        let shape = shape
        let bytes = (clamped(to: 0...1) * 255 + 0.5).transposed(1, 2).transposed(2, 3)
        let values = try bytes.contiguous().flattened().scalars(as: Float.self).map {
            UInt8(Swift.min($0, 255))
        }
        let size = shape.dropFirst().reduce(1, *)
        return (0..<shape[0]).map { image in
            RasterImage(
                width: shape[3], height: shape[2], channels: shape[1],
                bytes: Array(values[image * size..<(image + 1) * size]))
        }
    }
}
