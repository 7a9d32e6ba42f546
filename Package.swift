// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// The folders in which libtorch may lie, in the order in which they are searched.
///
/// No folder is tested for existence here: SwiftPM caches what a manifest says, and a compiler skips a
/// search path that is not there. `CEngine` refuses to compile, in one sentence, where none of them holds
/// a suitable libtorch.
let engineFolders: [String] = {
    if let folder = Context.environment["LIBTORCH"] { return [folder] }
    if Context.environment["LIBTORCH_USE_PYTORCH"] == "1" { return [pythonEngine()] }
    let home = Context.environment["HOME"] ?? "/"
    let cache = Context.environment["XDG_CACHE_HOME"] ?? home + "/.cache"
    return [Context.packageDirectory + "/.engine/torch", cache + "/swift-fisher/libtorch-2.13.0/torch"]
}()

/// The folder of the torch that python3 imports; an unlikely name, for CEngine to refuse, where there is none.
func pythonEngine() -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // The working directory is not searched: a torch.py there would be executed.
    let statement =
        "import sys; sys.path = [p for p in sys.path if p]; import torch; print(torch.__path__[0])"
    process.arguments = ["python3", "-c", statement]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "/python3-has-no-torch" }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let folder = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return folder.isEmpty ? "/python3-has-no-torch" : folder
}

let engineIncludes = engineFolders.flatMap { folder in
    ["-isystem", folder + "/include", "-isystem", folder + "/include/torch/csrc/api/include"]
}
let engineLibraries = engineFolders.flatMap { folder in
    ["-L" + folder + "/lib", "-Xlinker", "-rpath", "-Xlinker", folder + "/lib"]
}

// The command `fisher` is loaded without libtorch, and opens it when a command needs it; elsewhere it links it.
#if os(Linux)
    let engineOfFisher: [Target.Dependency] = ["CEngineOnDemand"]
#else
    let engineOfFisher: [Target.Dependency] = ["CEngine", "PageServer"]
#endif

let package = Package(
    name: "swift-fisher",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "FisherFiles", targets: ["FisherFiles"]),
        .library(name: "Torch", targets: ["Torch", "CEngine"]),
        .library(name: "NeuralNet", targets: ["NeuralNet", "CEngine"]),
        .library(name: "FisherOptions", targets: ["FisherOptions", "CEngine"]),
        .library(name: "FisherInformation", targets: ["FisherInformation", "CEngine"]),
        .library(name: "Fisher", targets: ["Fisher", "CEngine"]),
        .library(name: "FisherTables", targets: ["FisherTables"]),
        .library(name: "FisherMedia", targets: ["FisherMedia", "CEngine"]),
        .library(name: "FisherData", targets: ["FisherData", "CEngine"]),
        .library(name: "FisherInference", targets: ["FisherInference", "CEngine"]),
        .library(name: "FisherStudies", targets: ["FisherStudies", "CEngine"]),
        .library(name: "FisherReports", targets: ["FisherReports", "CEngine"]),
        .library(name: "FisherTraining", targets: ["FisherTraining", "CEngine"]),
        .library(name: "FisherBenchmarks", targets: ["FisherBenchmarks", "CEngine"]),
        .library(name: "FisherTasks", targets: ["FisherTasks", "CEngine"]),
        .library(name: "FisherClaims", targets: ["FisherClaims", "CEngine"]),
        .library(name: "FisherCommand", targets: ["FisherCommand", "CEngine", "PageServer"]),
        .executable(name: "fisher", targets: ["FisherMain"]),
        // What `fisher` opens when it needs libtorch or serves a page; not for other programs, which link the libraries above.
        .library(name: "FisherEngine", type: .dynamic, targets: ["CEngine", "CKernels", "PageServer"]),
        .plugin(name: "PrepareEngine", targets: ["PrepareEngine"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
        // fisher watch serves a run's page by it.
        .package(url: "https://github.com/swhitty/FlyingFox", .upToNextMinor(from: "0.27.1")),
    ],
    targets: [
        // The C interface to libtorch, which Swift imports. Who links a target with it links one of the two that follow.
        .target(name: "CTorch"),
        .target(
            name: "CEngine",
            exclude: ["CUDA", "Gloo"],
            // By their headers, not as dependencies: modules of C are not to be had while C++ is compiled.
            cxxSettings: [
                .headerSearchPath("Gloo"), .headerSearchPath("../CKernels/include"),
                .headerSearchPath("../CTorch/include"), .unsafeFlags(engineIncludes),
            ],
            linkerSettings: [
                .unsafeFlags(engineLibraries),
                .linkedLibrary("torch_cpu"),
                .linkedLibrary("c10"),
            ]
        ),
        // The same functions: the first call of one opens the library FisherEngine, which lies beside the program.
        .target(name: "CEngineOnDemand", dependencies: ["CPages", "CTorch"]),
        // The C interface to the server of pages, and the server.
        .target(name: "CPages"),
        .target(
            name: "PageServer",
            dependencies: ["CPages", .product(name: "FlyingFox", package: "FlyingFox")]),
        // Scripts/build-cuda-kernels compiles what runs on cards, where nvcc is found.
        .target(name: "CKernels", exclude: ["Cards/CUDA"]),
        // How threads wait is decided at the start of a program.
        .target(name: "CStart"),
        .target(name: "CDigits", exclude: ["digits.txt", "features.bin", "ATTRIBUTION.md"]),
        .target(name: "FisherFiles"),
        .target(name: "FisherTables", dependencies: ["FisherFiles"]),
        .target(name: "Torch", dependencies: ["CKernels", "CTorch", "FisherFiles"]),
        // Shared libraries for sound and images are opened at run time, not linked.
        .target(name: "CMedia"),
        .target(name: "FisherMedia", dependencies: ["CMedia", "FisherFiles", "Torch"]),
        .target(name: "FisherData", dependencies: ["FisherFiles", "FisherMedia", "FisherTables", "Torch"]),
        .target(name: "NeuralNet", dependencies: ["FisherFiles", "Torch"]),
        .target(name: "FisherInformation", dependencies: ["NeuralNet", "Torch"]),
        .target(
            name: "FisherInference",
            dependencies: ["FisherFiles", "FisherInformation", "FisherTables", "NeuralNet", "Torch"]),
        .target(name: "FisherOptions", dependencies: ["Torch"]),
        .target(
            name: "Fisher",
            dependencies: ["CKernels", "FisherInformation", "FisherOptions", "NeuralNet", "Torch"]),
        .target(
            name: "FisherStudies", dependencies: ["FisherFiles", "FisherInformation", "NeuralNet", "Torch"]),
        .target(
            name: "FisherReports", dependencies: ["FisherInformation", "FisherStudies", "NeuralNet", "Torch"]),
        .target(
            name: "FisherTraining",
            dependencies: ["Fisher", "FisherOptions", "FisherStudies"]),
        .target(name: "FisherBenchmarks", dependencies: ["Fisher", "FisherFiles", "FisherTraining"]),
        .target(
            name: "FisherTasks",
            dependencies: [
                "CDigits", "FisherData", "FisherMedia", "FisherOptions", "FisherTables", "FisherTraining",
            ]),
        .target(
            name: "FisherClaims",
            dependencies: [
                "FisherBenchmarks", "FisherFiles", "FisherReports", "FisherTasks", "FisherTraining",
            ]),
        .target(
            name: "FisherCommand",
            dependencies: [
                "CPages",
                "CStart",
                "FisherBenchmarks",
                "FisherClaims",
                "FisherData",
                "FisherInference",
                "FisherMedia",
                "FisherReports",
                "FisherTables",
                "FisherTasks",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
        // The product `fisher`; the target's name may not differ from `Fisher` by case only.
        .executableTarget(name: "FisherMain", dependencies: ["CStart", "FisherCommand"] + engineOfFisher),
        .plugin(
            name: "PrepareEngine",
            capability: .command(
                intent: .custom(
                    verb: "prepare-engine",
                    description: "Download the libtorch that swift-fisher needs into the user's cache folder"
                ),
                permissions: [
                    .allowNetworkConnections(
                        scope: .all(), reason: "pip downloads the torch wheel, about 200 MB")
                ]
            )
        ),
        // Not a product: `make fuzz` and the tests give changed inputs to every reader.
        .target(
            name: "Fuzzing",
            dependencies: [
                "FisherCommand", "FisherData", "FisherInference", "FisherMedia", "FisherReports",
                "FisherTables",
                "FisherTasks",
            ],
            path: "Fuzz/Fuzzing"),
        .executableTarget(
            name: "fuzz", dependencies: ["CEngine", "Fuzzing", "PageServer"], path: "Fuzz/Main"),
        // Not a product: what tests of several modules use.
        .target(
            name: "TestSupport", dependencies: ["StandInDevice", "Torch"], path: "Tests/TestSupport"),
        // A second device for machines without a card, registered in libtorch.
        .target(
            name: "StandInDevice", path: "Tests/StandInDevice",
            cxxSettings: [.unsafeFlags(engineIncludes)]),
        .testTarget(name: "FisherFilesTests", dependencies: ["FisherFiles"]),
        .testTarget(name: "FisherMediaTests", dependencies: ["CEngine", "FisherFiles", "FisherMedia"]),
        .testTarget(name: "FisherDataTests", dependencies: ["CEngine", "FisherData"]),
        .testTarget(
            name: "TorchTests", dependencies: ["CEngine", "CKernels", "FisherFiles", "Torch", "TestSupport"]),
        .testTarget(
            name: "NeuralNetTests", dependencies: ["CEngine", "FisherFiles", "NeuralNet", "TestSupport"]),
        .testTarget(name: "FisherOptionsTests", dependencies: ["CEngine", "FisherOptions"]),
        .testTarget(
            name: "FisherInferenceTests", dependencies: ["CEngine", "FisherInference", "FisherTables"]),
        .testTarget(
            name: "FisherTests", dependencies: ["CEngine", "Fisher", "FisherInference", "TestSupport"]),
        .testTarget(name: "FisherClaimsTests", dependencies: ["CEngine", "FisherClaims"]),
        .testTarget(
            name: "FisherTrainingTests",
            dependencies: [
                "CEngine",
                "FisherBenchmarks", "FisherReports", "FisherStudies", "FisherTraining", "TestSupport",
            ]),
        .testTarget(
            name: "FisherTasksTests",
            dependencies: ["CEngine", "FisherMedia", "FisherReports", "FisherTasks", "TestSupport"]),
        .testTarget(
            name: "FisherCommandTests",
            dependencies: [
                "CEngine", "FisherCommand", "FisherMedia", "Fuzzing", "PageServer", "TestSupport",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
