import FisherFiles
import Foundation
import Testing

/// The commands on images as their users meet them, on small files in the format of MNIST.
@Suite struct ImagesCommandTests {
    /// Images of 8 by 8 whose class is their brighter half.
    private func write(to folder: String, training: Int = 24, heldOut: Int = 12) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, count) in [("train", training), ("t10k", heldOut)] {
            var pixels: [UInt8] = []
            for image in 0..<count {
                for row in 0..<8 {
                    for column in 0..<8 {
                        let bright = (row < 4) == (image % 2 == 0)
                        pixels.append(UInt8((image * 37 + row * 11 + column * 23) % 90 + (bright ? 140 : 0)))
                    }
                }
            }
            func file(_ shape: [Int], _ bytes: [UInt8]) -> Data {
                Data([0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + bytes)
            }
            try file([count, 8, 8], pixels).write(to: URL(filePath: "\(folder)/\(name)-images"))
            try file([count], (0..<count).map { UInt8($0 % 2) }).write(
                to: URL(filePath: "\(folder)/\(name)-labels"))
        }
    }

    private static let small = [
        "--network", "resnet18", "--width", "2", "--batch", "6", "--crop", "1", "--flip", "true",
        "--label-smoothing", "0.1", "--threads", "1",
    ]

    /// A run that was stopped after 3 of 6 steps ends in the same bytes as one that was not.
    @Test func aRunResumesToTheBit() throws {
        try CommandTests.withFolder { root in
            try write(to: root + "/data")
            let arguments =
                ["train", "images", "--images", root + "/data", "--evaluate-every", "3"] + Self.small
            let whole = try TrainCommandTests.run(
                arguments + ["--steps", "6", "--output", root + "/whole", "--schedule", "constant"])
            #expect(whole.status == 0, "\(whole.errors)")
            #expect(whole.output.contains("accuracy"))
            // Its features measure reconstructions of the same images.
            let coded = try TrainCommandTests.run([
                "train", "vq", "--images", root + "/data", "--features", root + "/whole", "--preset", "nano",
                "--steps", "1", "--batch", "6", "--validation-images", "12", "--threads", "1", "--output",
                root + "/vq",
            ])
            #expect(coded.status == 0, "\(coded.errors)")
            #expect(coded.output.contains("Frechet distance"), "\(coded.output)")
            let half = try TrainCommandTests.run(
                arguments + ["--steps", "3", "--output", root + "/half", "--schedule", "constant"])
            #expect(half.status == 0, "\(half.errors)")
            let rest = try TrainCommandTests.run([
                "train", "images", "--resume", "--output", root + "/half", "--set", "training.steps=6",
                "--change-schedule",
            ])
            #expect(rest.status == 0, "\(rest.errors)")
            let ends = try ["whole", "half"].map { run in
                try ["model", "optimizer"].map { name in
                    try Data(
                        contentsOf: URL(
                            filePath: "\(root)/\(run)/checkpoints/step-000000006/\(name).safetensors"))
                }
            }
            #expect(ends[0] == ends[1])
            let report = try TrainCommandTests.run([
                "report", root + "/whole", "--output", root + "/page.html",
            ])
            #expect(report.status == 0, "\(report.errors)")
            let inspected = try TrainCommandTests.run([
                "inspect", root + "/whole", "--batches", "1", "--rows", "32",
            ])
            #expect(inspected.status == 0, "\(inspected.errors)")
        }
    }

    @Test func rulesAreComparedAblatedAndMeasured() throws {
        try CommandTests.withFolder { root in
            try write(to: root + "/data")
            let data = ["--images", root + "/data", "--threads", "1", "--batch", "6", "--seeds", "1"]
            let small = ["--network", "cnn", "--width", "2"]
            let compared = try TrainCommandTests.run(
                ["compare", "images", "--steps", "3", "--optimizer", "adamw", "--optimizer", "kfac"] + data
                    + small
                    + ["--output", root + "/compare", "--learning-rates", "all=1e-3", "--tuning-seeds", "1"])
            #expect(compared.status == 0, "\(compared.errors)")
            #expect(compared.output.contains("accuracy"), "\(compared.output)")
            let ablated = try TrainCommandTests.run(
                ["ablate", "images", "--steps", "3", "--optimizer", "fadam", "--option", "rho=0.5,1"] + data
                    + small
                    + ["--output", root + "/ablate"])
            #expect(ablated.status == 0, "\(ablated.errors)")
            let measured = try TrainCommandTests.run(
                [
                    "hierarchy", "images", "--optimizer", "sgd", "--optimizer", "kfac", "--training-steps",
                    "2",
                    "--damping", "1e-2", "--dampings", "1e-2", "--batches", "1", "--turns", "1", "--no-sizes",
                ] + data + small + ["--output", root + "/hierarchy"])
            #expect(measured.status == 0, "\(measured.errors)")
        }
    }

    @Test func badDataAreOneSentence() throws {
        try CommandTests.withFolder { root in
            try write(to: root + "/labels", training: 24)
            let labels = root + "/labels/train-labels"
            try Data(contentsOf: URL(filePath: labels)).dropLast().write(to: URL(filePath: labels))
            try write(to: root + "/data")
            try FileManager.default.createDirectory(
                atPath: root + "/files/a", withIntermediateDirectories: true)
            try Data("no image".utf8).write(to: URL(filePath: root + "/files/a/1.png"))
            for (arguments, status, text) in [
                (["--images", root + "/none"], 66, "/none cannot be opened"),
                (["--images", root + "/labels"], 65, "train-labels has 23 numbers"),
                (["--images", root + "/data", "--size", "16"], 65, "has images of 8 by 8 pixels"),
                (
                    ["--images", root + "/data", "--batch", "6", "--network", "vit", "--patch", "3"], 64,
                    "patches of 3 pixels"
                ),
                (["--images", root + "/data", "--batch", "25"], 64, "more than the 24 images"),
                (["--images", root + "/files"], nil, "files/a/1.png"),
            ] as [([String], Int32?, String)] {
                let run = try TrainCommandTests.run(
                    ["train", "images", "--output", root + "/run"] + arguments)
                // Without a decoder the sentence names the file that needs it.
                let expected = status ?? (run.errors.contains("libvips cannot be used") ? 69 : 65)
                #expect(run.status == expected, "\(arguments): \(run.errors)")
                #expect(run.errors.contains(text), "\(arguments): \(run.errors)")
                #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
            }
        }
    }
}
