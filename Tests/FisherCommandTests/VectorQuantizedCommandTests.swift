import Foundation
import Testing

/// The commands on vector-quantized images, from the first stage to images drawn by the second.
@Suite struct VectorQuantizedCommandTests {
    static let run = TrainCommandTests.run

    @Test func bothStagesGoThroughTheDoors() throws {
        try CommandTests.withFolder { root in
            let small = ["--preset", "nano", "--batch", "16", "--threads", "1"]
            let first = root + "/vq"
            let run = try Self.run(
                ["train", "vq", "--steps", "4", "--validation-images", "30", "--output", first] + small)
            #expect(run.status == 0, "\(run.errors)")
            for words in [
                "nats a dimension", "bits a dimension", "Frechet distance of reconstructions", "codes in use",
                "train codes --from",
            ] {
                #expect(run.output.contains(words), "\(run.output)")
            }
            #expect(run.errors.contains("images/s"))
            let page = try String(contentsOfFile: first + "/report.html", encoding: .utf8)
            #expect(page.contains("Reconstructions") && page.contains("<img"))
            let more = try Self.run(["train", "vq", "--resume", "--output", first])
            #expect(more.status == 0, "\(more.errors)")

            let second = try Self.run(
                ["train", "codes", "--from", first, "--steps", "3", "--images", "30", "--output", root + "/codes"]
                    + small)
            #expect(second.status == 0, "\(second.errors)")
            #expect(second.output.contains("nats a code"))
            #expect(second.output.contains("Frechet distance of samples"))
            // A GPT over codes writes no text, and a run of codes is no first stage.
            let text = try Self.run(["sample", root + "/codes"])
            #expect(text.status == 65 && text.errors.contains("over the codes of images"), "\(text.errors)")
            let wrong = try Self.run(["train", "codes", "--from", root + "/codes", "--output", root + "/no"])
            #expect(wrong.status == 64 && wrong.errors.contains("a run of the task codes"), "\(wrong.errors)")
            let missing = try Self.run(["train", "codes", "--output", root + "/no"])
            #expect(missing.status == 64 && missing.errors.contains("--from"), "\(missing.errors)")

            let inspected = try Self.run(["inspect", first, "--batches", "1", "--rows", "64", "--json"])
            #expect(inspected.status == 0 && inspected.output.contains("encoder.0"), "\(inspected.errors)")
        }
    }

    @Test func optimizersAreComparedAndRankedByDirection() throws {
        try CommandTests.withFolder { root in
            let small = ["--preset", "nano", "--batch", "8", "--threads", "1", "--validation-images", "20"]
            let compared = try Self.run(
                [
                    "compare", "vq", "--steps", "2", "--seeds", "1", "--optimizer", "adamw", "--optimizer",
                    "kfac", "--output", root + "/comparison",
                ] + small)
            #expect(compared.status == 0, "\(compared.errors)")
            #expect(compared.output.contains("codebook perplexity"))
            let ranked = try Self.run([
                "hierarchy", "vq", "--optimizer", "sgd", "--optimizer", "kfac:labels=sampled", "--training-steps",
                "2", "--damping", "1e-2", "--dampings", "1e-2", "--batches", "1", "--batch", "4", "--turns", "1",
                "--no-sizes", "--seeds", "1", "--output", root + "/hierarchy",
            ])
            #expect(ranked.status == 0, "\(ranked.errors)")
        }
    }
}
